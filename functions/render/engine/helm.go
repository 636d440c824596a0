package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	helmrelease "helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/releaseutil"
	"sigs.k8s.io/yaml"
)

// helmOptions is what an App says of its chart, and what the target clusters said of themselves.
type helmOptions struct {
	Release   string `json:"release"`
	Namespace string `json:"namespace"`
	// ValuesFiles are read in order, from the root of the repository; Values outweigh them.
	ValuesFiles []string               `json:"valuesFiles"`
	Values      map[string]interface{} `json:"values"`
	KubeVersion string                 `json:"kubeVersion"`
	APIVersions []string               `json:"apiVersions"`
	SkipCRDs    bool                   `json:"skipCrds"`

	skipHooks, skipTests bool
}

// helm renders the chart in a folder of the repository as an installation: what `helm template` prints, and in the same order.
func helm(folder string, options helmOptions) (result reply) {
	defer func() {
		if cause := recover(); cause != nil {
			result = reply{Message: fmt.Sprintf("Helm gave up: %v", cause)}
		}
	}()
	loaded, err := loadChart(clean(folder))
	if err != nil {
		return failure(err)
	}
	values, err := readValues(options)
	if err != nil {
		return failure(err)
	}
	asked := &questions{}
	manifests, err := template(loaded, values, options, asked)
	if err != nil {
		result = failure(err)
	} else {
		result = reply{OK: true, Manifests: manifests}
	}
	// Also a failure may be the answer to what a cluster has.
	result.Asked = asked
	return result
}

func template(loaded *chart.Chart, values chartutil.Values, options helmOptions, asked *questions) ([]json.RawMessage, error) {
	if err := chartutil.ProcessDependenciesWithMerge(loaded, values); err != nil {
		return nil, err
	}
	version, err := chartutil.ParseKubeVersion(options.KubeVersion)
	if err != nil {
		return nil, fmt.Errorf("the cluster's Kubernetes version %q cannot be read: %w", options.KubeVersion, err)
	}
	named := chartutil.ReleaseOptions{Name: options.Release, Namespace: options.Namespace, Revision: 1, IsInstall: true}
	top, err := chartutil.ToRenderValues(loaded, values, named, &chartutil.Capabilities{KubeVersion: *version})
	if err != nil {
		return nil, err
	}
	top["Capabilities"] = capabilitiesFor(loaded, asked, *version, options.APIVersions)
	if wanted := loaded.Metadata.KubeVersion; wanted != "" {
		asked.KubeVersion = true
		if !chartutil.IsCompatibleRange(wanted, version.String()) {
			return nil, fmt.Errorf("the chart wants Kubernetes %s, the cluster has %s", wanted, version)
		}
	}
	files, err := engine.Engine{}.Render(loaded, top)
	if err != nil {
		return nil, err
	}
	return objects(loaded, files, options)
}

// objects reads what the templates wrote: CRDs first, then by kind as Helm installs them, then hooks.
func objects(loaded *chart.Chart, files map[string]string, options helmOptions) ([]json.RawMessage, error) {
	for name := range files {
		if strings.HasSuffix(name, "NOTES.txt") {
			delete(files, name)
		}
	}
	hooks, manifests, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if err != nil {
		return nil, err
	}
	found := documents{}
	if !options.SkipCRDs {
		for _, crd := range loaded.CRDObjects() {
			found.addAll(crd.Filename, string(crd.File.Data))
		}
	}
	for _, manifest := range manifests {
		found.add(manifest.Name, manifest.Content)
	}
	for _, hook := range hooks {
		if !options.skipHooks && !(options.skipTests && slices.Contains(hook.Events, helmrelease.HookTest)) {
			found.add(hook.Path, hook.Manifest)
		}
	}
	return found.objects, errors.Join(found.wrong...)
}

// documents collects objects; a document that is none is told with its file.
type documents struct {
	objects []json.RawMessage
	wrong   []error
}

func (found *documents) addAll(file, content string) {
	parts := releaseutil.SplitManifests(content)
	for index := range len(parts) {
		found.add(file, parts[fmt.Sprintf("manifest-%d", index)])
	}
}

func (found *documents) add(file, content string) {
	object, err := yaml.YAMLToJSON([]byte(content))
	if err != nil {
		found.wrong = append(found.wrong, fmt.Errorf("%s: %w", file, err))
		return
	}
	if string(object) == "null" {
		return
	}
	if number := inexact(object); number != "" {
		found.wrong = append(found.wrong, fmt.Errorf("%s: %s is too large to be carried exactly: put it in quotes", file, number))
		return
	}
	found.objects = append(found.objects, object)
}

// readValues merges the files in order, later ones over earlier ones, and the App's own values over all.
func readValues(options helmOptions) (chartutil.Values, error) {
	merged := map[string]interface{}{}
	for _, name := range options.ValuesFiles {
		values, err := readValuesFile(name)
		if err != nil {
			return nil, err
		}
		merged = chartutil.MergeTables(values, merged)
	}
	own := options.Values
	if own == nil {
		own = map[string]interface{}{}
	}
	return chartutil.MergeTables(own, merged), nil
}

func readValuesFile(name string) (chartutil.Values, error) {
	content, err := tree{}.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("values file: %w", err)
	}
	values, err := chartutil.ReadValues(content)
	if err != nil {
		return nil, fmt.Errorf("values file %s: %w", clean(name)[1:], err)
	}
	return values, nil
}
