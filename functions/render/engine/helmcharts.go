package main

import (
	"bytes"
	"fmt"
	"path"

	"helm.sh/helm/v3/pkg/chartutil"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/yaml"
)

// written holds what this render puts in the place of files, by full path: a kustomization without its `helmCharts`, and
// the objects of those charts as one of its resources. Kustomize itself would start a helm program for them.
var written = map[string][]byte{}

// inflate renders the charts of a kustomization, which lie in the repository.
func inflate(folder, file, namespace string, parsed *types.Kustomization, of helmOptions, asked *questions) error {
	home := types.HelmDefaultHome
	if parsed.HelmGlobals != nil && parsed.HelmGlobals.ChartHome != "" {
		home = parsed.HelmGlobals.ChartHome
	}
	for index, chart := range parsed.HelmCharts {
		if chart.Namespace == "" {
			chart.Namespace = namespace
		}
		objects, err := inflateOne(folder, path.Join(folder, home), chart, of, asked)
		if err != nil {
			return fmt.Errorf("helmCharts[%d] (%s): %w", index, chart.Name, err)
		}
		name := fmt.Sprintf("fairlead-helm-chart-%d.yaml", index)
		written[path.Join(folder, name)] = objects
		parsed.Resources = append(parsed.Resources, name)
	}
	parsed.HelmCharts, parsed.HelmGlobals = nil, nil
	rewritten, err := yaml.Marshal(parsed)
	if err != nil {
		return err
	}
	written[file] = rewritten
	return nil
}

func inflateOne(folder, home string, chart types.HelmChart, of helmOptions, asked *questions) ([]byte, error) {
	at, err := chartFolder(home, chart)
	if err != nil {
		return nil, err
	}
	loaded, err := loadChart(at)
	if err != nil {
		return nil, err
	}
	values, err := inlineValues(folder, chart)
	if err != nil {
		return nil, err
	}
	options := of
	options.Release, options.Namespace, options.SkipCRDs = chart.Name, chart.Namespace, !chart.IncludeCRDs
	options.skipHooks, options.skipTests = chart.SkipHooks, chart.SkipTests
	if chart.ReleaseName != "" {
		options.Release = chart.ReleaseName
	}
	if options.Namespace == "" {
		options.Namespace = "default"
	}
	if chart.KubeVersion != "" {
		options.KubeVersion = chart.KubeVersion
	}
	options.APIVersions = append(append([]string{}, of.APIVersions...), chart.ApiVersions...)
	objects, err := template(loaded, values, options, asked)
	if err != nil {
		return nil, err
	}
	all := bytes.Buffer{}
	for _, object := range objects {
		marked, err := mark(object)
		if err != nil {
			return nil, err
		}
		all.WriteString("---\n")
		all.Write(marked)
		all.WriteString("\n")
	}
	return all.Bytes(), nil
}

// mark puts Kustomize's own note on an object of a chart, which its namespace transformer heeds and its end takes off.
func mark(object []byte) ([]byte, error) {
	node, err := kyaml.Parse(string(object))
	if err != nil {
		return nil, err
	}
	if err := node.PipeE(kyaml.SetAnnotation(konfig.HelmGeneratedAnnotation, "true")); err != nil {
		return nil, err
	}
	return node.MarshalJSON()
}

// chartFolder is where Kustomize looks: with a repository and a version, both stand in the folder's name.
func chartFolder(home string, chart types.HelmChart) (string, error) {
	at := path.Join(home, chart.Name)
	if chart.Repo != "" && chart.Version != "" {
		at = path.Join(home, chart.Name+"-"+chart.Version, chart.Name)
	}
	if find(at) == folder {
		return at, nil
	}
	if chart.Repo == "" {
		return "", fmt.Errorf("there is no folder %s in the repository", at[1:])
	}
	return "", fmt.Errorf("%s is not fetched here: `helm pull --untar` it into %s and commit that", chart.Repo, path.Dir(at)[1:])
}

// inlineValues merges as `valuesMerge` says: `override` (inline values win), `merge` (the file wins), `replace`.
func inlineValues(folder string, chart types.HelmChart) (chartutil.Values, error) {
	inline := chartutil.Values(chart.ValuesInline)
	if inline == nil {
		inline = chartutil.Values{}
	}
	merged := inline
	if chart.ValuesFile != "" {
		values, err := readValuesFile(path.Join(folder, chart.ValuesFile))
		if err != nil {
			return nil, err
		}
		switch {
		case len(inline) == 0 || chart.ValuesMerge == "merge":
			merged = chartutil.MergeTables(values, inline)
		case chart.ValuesMerge == "" || chart.ValuesMerge == "override":
			merged = chartutil.MergeTables(inline, values)
		case chart.ValuesMerge != "replace":
			return nil, fmt.Errorf("valuesMerge is %q: take override, merge or replace", chart.ValuesMerge)
		}
	}
	for _, name := range chart.AdditionalValuesFiles {
		values, err := readValuesFile(path.Join(folder, name))
		if err != nil {
			return nil, err
		}
		merged = chartutil.MergeTables(values, merged)
	}
	return merged, nil
}
