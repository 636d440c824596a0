package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/google/go-jsonnet"
)

// mainFile is what makes a folder one of Jsonnet, and where its evaluation begins.
const mainFile = "main.jsonnet"

// nestedMax bounds how deep objects may lie in what a program makes.
const nestedMax = 50

// jsonnetOptions are values as JSON, which is Jsonnet too, and folders from the root of the repository to look for imports in.
type jsonnetOptions struct {
	Arguments map[string]json.RawMessage `json:"tlas"`
	Externals map[string]json.RawMessage `json:"extVars"`
	Libraries []string                   `json:"libs"`
}

// evaluate runs the program of a folder and gives the objects in what it makes.
func evaluate(root string, options jsonnetOptions) reply {
	machine := jsonnet.MakeVM()
	machine.SetTraceOut(io.Discard)
	machine.Importer(&importer{libraries: options.Libraries, known: map[string]jsonnet.Contents{}})
	for name, value := range options.Arguments {
		machine.TLACode(name, string(value))
	}
	for name, value := range options.Externals {
		machine.ExtCode(name, string(value))
	}
	made, err := machine.EvaluateFile(path.Join(clean(root), mainFile)[1:])
	if err != nil {
		return failure(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(made)); err != nil {
		return failure(err)
	}
	if number := inexact(compact.Bytes()); number != "" {
		return failure(fmt.Errorf("%s is too large to be carried exactly: put it in quotes", number))
	}
	manifests, err := objectsIn(compact.Bytes(), "the value", 0)
	if err != nil {
		return failure(err)
	}
	return reply{OK: true, Manifests: manifests}
}

// objectsIn finds the Kubernetes objects in lists and named groups, as deep as they lie; null stands for nothing.
func objectsIn(value json.RawMessage, at string, depth int) ([]json.RawMessage, error) {
	if depth > nestedMax {
		return nil, fmt.Errorf("%s lies more than %d deep", at, nestedMax)
	}
	var items []json.RawMessage
	if json.Unmarshal(value, &items) == nil {
		return gather(len(items), func(index int) (json.RawMessage, string) {
			return items[index], fmt.Sprintf("%s[%d]", at, index)
		}, depth)
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(value, &fields) != nil {
		return nil, fmt.Errorf("%s is neither a Kubernetes object nor a list or group of them: %.60s", at, value)
	}
	if fields["apiVersion"] != nil && fields["kind"] != nil {
		return []json.RawMessage{value}, nil
	}
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	return gather(len(names), func(index int) (json.RawMessage, string) {
		return fields[names[index]], at + "." + names[index]
	}, depth)
}

func gather(count int, part func(int) (json.RawMessage, string), depth int) ([]json.RawMessage, error) {
	var found []json.RawMessage
	for index := range count {
		value, at := part(index)
		objects, err := objectsIn(value, at, depth+1)
		if err != nil {
			return nil, err
		}
		found = append(found, objects...)
	}
	return found, nil
}

// importer reads the repository and nothing else. The machine wants the same contents for the same place each time.
type importer struct {
	libraries []string
	known     map[string]jsonnet.Contents
}

// Import looks beside the file that asks, then in the libraries, in their order.
func (from *importer) Import(asking, name string) (jsonnet.Contents, string, error) {
	for _, folder := range append([]string{path.Dir(clean(asking))}, from.libraries...) {
		full := clean(path.Join("/", folder, name))
		if strings.HasPrefix(name, "/") {
			full = clean(name)
		}
		if find(full) < 0 {
			continue
		}
		if contents, ok := from.known[full]; ok {
			return contents, full[1:], nil
		}
		content, err := tree{}.ReadFile(full)
		if err != nil {
			return jsonnet.Contents{}, "", err
		}
		from.known[full] = jsonnet.MakeContentsRaw(content)
		return from.known[full], full[1:], nil
	}
	return jsonnet.Contents{}, "", fmt.Errorf("'%s' is neither beside %s nor in a folder of spec.jsonnet.libs", name, asking)
}
