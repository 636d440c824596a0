package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
)

// prepared keeps the last policies that were compiled, by their text: a release asks one policy about many objects.
var prepared = map[string][]rego.PreparedEvalQuery{}

const preparedMax = 50

// rules are what a policy may call its refusals: Gatekeeper's name, and Conftest's.
var rules = []string{"violation", "deny"}

func evaluate(asked request) ([][]string, error) {
	queries, err := prepare(asked.Module)
	if err != nil {
		return nil, err
	}
	all := make([][]string, 0, len(asked.Inputs))
	for _, encoded := range asked.Inputs {
		decoder := json.NewDecoder(bytes.NewReader(encoded))
		decoder.UseNumber()
		var value any
		if err := decoder.Decode(&value); err != nil {
			return nil, err
		}
		found := []string{}
		for _, query := range queries {
			results, err := query.Eval(context.Background(), rego.EvalInput(value))
			if err != nil {
				return nil, err
			}
			found = append(found, messages(results)...)
		}
		all = append(all, found)
	}
	return all, nil
}

func prepare(text string) ([]rego.PreparedEvalQuery, error) {
	if held, ok := prepared[text]; ok {
		return held, nil
	}
	module, err := parse(text)
	if err != nil {
		return nil, err
	}
	queries := []rego.PreparedEvalQuery{}
	for _, name := range rules {
		if !defines(module, name) {
			continue
		}
		query, err := rego.New(
			rego.Query(fmt.Sprintf("%s.%s", module.Package.Path, name)),
			rego.ParsedModule(module),
			rego.Capabilities(capabilities()),
			rego.StrictBuiltinErrors(true),
		).PrepareForEval(context.Background())
		if err != nil {
			return nil, err
		}
		queries = append(queries, query)
	}
	if len(queries) == 0 {
		return nil, fmt.Errorf("the module has neither a rule `violation` nor a rule `deny`")
	}
	if len(prepared) >= preparedMax {
		clear(prepared)
	}
	prepared[text] = queries
	return queries, nil
}

// parse reads today's Rego, and where that fails the Rego that Gatekeeper's templates are written in.
func parse(text string) (*ast.Module, error) {
	module, err := ast.ParseModuleWithOpts("policy.rego", text, ast.ParserOptions{RegoVersion: ast.RegoV1, Capabilities: capabilities()})
	if err == nil {
		return module, nil
	}
	old, oldErr := ast.ParseModuleWithOpts("policy.rego", text, ast.ParserOptions{RegoVersion: ast.RegoV0, Capabilities: capabilities()})
	if oldErr != nil {
		return nil, err
	}
	return old, nil
}

func defines(module *ast.Module, name string) bool {
	return slices.ContainsFunc(module.Rules, func(rule *ast.Rule) bool {
		return rule.Head.Ref().GroundPrefix().String() == name || string(rule.Head.Name) == name
	})
}

// capabilities are OPA's, without what reaches outside or is not the same each time.
func capabilities() *ast.Capabilities {
	of := ast.CapabilitiesForThisVersion()
	of.Builtins = slices.DeleteFunc(of.Builtins, func(builtin *ast.Builtin) bool {
		return builtin.Nondeterministic || strings.HasPrefix(builtin.Name, "http.") ||
			strings.HasPrefix(builtin.Name, "net.lookup") || strings.HasPrefix(builtin.Name, "opa.runtime")
	})
	of.AllowNet = []string{}
	return of
}

// messages reads what a rule produced: texts, or Gatekeeper's `{"msg": …}`.
func messages(results rego.ResultSet) []string {
	found := []string{}
	for _, result := range results {
		for _, expression := range result.Expressions {
			found = append(found, texts(expression.Value)...)
		}
	}
	slices.Sort(found)
	return found
}

func texts(value any) []string {
	switch value := value.(type) {
	case string:
		return []string{value}
	case bool:
		if value {
			return []string{"refused"}
		}
		return nil
	case []any:
		all := []string{}
		for _, one := range value {
			all = append(all, texts(one)...)
		}
		return all
	case map[string]any:
		for _, key := range []string{"msg", "message"} {
			if text, ok := value[key].(string); ok {
				return []string{text}
			}
		}
		encoded, _ := json.Marshal(value)
		return []string{string(encoded)}
	default:
		return nil
	}
}
