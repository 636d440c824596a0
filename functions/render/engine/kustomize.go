package main

import (
	"encoding/json"
	"fmt"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/openapi"
)

// kustomize builds the kustomization in a folder of the repository.
//
// Load restrictions are off because the tree holds the repository alone: a patch shared between overlays may lie
// anywhere in it, and a path out of it finds nothing.
func kustomize(root string, options helmOptions) (result reply) {
	clear(written)
	asked := &questions{}
	defer func() { result.Asked = asked }()
	if refused := refuse(root, options, asked); refused != nil {
		return reply{Message: refused.message, File: refused.file}
	}
	defer func() {
		if cause := recover(); cause != nil {
			result = reply{Message: fmt.Sprintf("Kustomize gave up: %v", cause)}
		}
	}()
	defer forgetSchema()
	build := krusty.MakeDefaultOptions()
	build.LoadRestrictions = types.LoadRestrictionsNone
	build.PluginConfig = types.DisabledPluginConfig()
	resources, err := krusty.MakeKustomizer(build).Run(tree{}, clean(root))
	if err != nil {
		return failure(err)
	}
	manifests, err := toJSON(resources)
	if err != nil {
		return failure(err)
	}
	return reply{OK: true, Manifests: manifests}
}

// forgetSchema undoes a kustomization's `openapi` field. Kustomize keeps that schema in a global which its next run
// does not clear; left there, it would change how patches merge in every later render of this instance.
func forgetSchema() {
	if openapi.GetSchemaVersion() != defaultSchemaVersion {
		openapi.ResetOpenAPI()
	}
}

var defaultSchemaVersion = openapi.GetSchemaVersion()

func toJSON(resources resmap.ResMap) ([]json.RawMessage, error) {
	manifests := make([]json.RawMessage, 0, resources.Size())
	for _, resource := range resources.Resources() {
		manifest, err := resource.MarshalJSON()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", resource.CurId(), err)
		}
		if number := inexact(manifest); number != "" {
			return nil, fmt.Errorf("%s: %s is too large to be carried exactly: put it in quotes", resource.CurId(), number)
		}
		manifests = append(manifests, manifest)
	}
	return manifests, nil
}
