package main

import (
	"regexp"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
)

// questions is what a render asked of the cluster. Clusters that answer all of them alike share the render.
type questions struct {
	KubeVersion bool `json:"kubeVersion,omitempty"`
	// APIs are the names given to `.Capabilities.APIVersions.Has`, in order, each once.
	APIs []string `json:"apis,omitempty"`
	// AllAPIs is set when a template took the list as a whole: then nothing less than the same list is the same answer.
	AllAPIs bool `json:"allApis,omitempty"`
}

// capabilities stands for Helm's own as `.Capabilities` in templates, and notes what is read of it.
type capabilities struct {
	asked   *questions
	version chartutil.KubeVersion
	apis    []string
}

// KubeVersion is a field in Helm's own; a template cannot tell the difference.
func (of capabilities) KubeVersion() *chartutil.KubeVersion {
	of.asked.KubeVersion = true
	return &of.version
}

// HelmVersion is the library's, the same for all clusters.
func (capabilities) HelmVersion() any { return chartutil.DefaultCapabilities.HelmVersion }

// APIVersions answers `Has` by name. Ranging over it or printing it goes to the list itself, which cannot be noticed:
// `takes` looks for that before the render.
func (of capabilities) APIVersions() apiVersions {
	current = of
	return apiVersions(of.apis)
}

// current is whose list is asked: a list that templates can range over has no room for it, and renders run one by one.
var current capabilities

type apiVersions []string

// Has is Helm's own, with a note.
func (list apiVersions) Has(name string) bool {
	current.asked.note(name)
	for _, one := range list {
		if one == name {
			return true
		}
	}
	return false
}

func (asked *questions) note(name string) {
	for _, one := range asked.APIs {
		if one == name {
			return
		}
	}
	asked.APIs = append(asked.APIs, name)
}

var mentions = regexp.MustCompile(`\bCapabilities\b(\.?)|\bAPIVersions\b(\.Has\b)?`)

// takes tells whether some template of the chart takes the capabilities as a whole, or the list of APIs.
func takes(loaded *chart.Chart) (whole, list bool) {
	for _, template := range loaded.Templates {
		for _, found := range mentions.FindAllSubmatch(template.Data, -1) {
			isList := strings.HasPrefix(string(found[0]), "APIVersions")
			whole = whole || (!isList && len(found[1]) == 0)
			list = list || (isList && len(found[2]) == 0)
		}
	}
	for _, dependency := range loaded.Dependencies() {
		inWhole, inList := takes(dependency)
		whole, list = whole || inWhole, list || inList
	}
	return whole, list
}

// capabilitiesFor notes what cannot be noticed while templates run, and hands Helm's own to a chart that takes them whole.
func capabilitiesFor(loaded *chart.Chart, asked *questions, version chartutil.KubeVersion, apis []string) any {
	whole, list := takes(loaded)
	asked.KubeVersion, asked.AllAPIs = whole, whole || list
	if whole {
		return &chartutil.Capabilities{
			KubeVersion: version, APIVersions: apis, HelmVersion: chartutil.DefaultCapabilities.HelmVersion,
		}
	}
	return capabilities{asked: asked, version: version, apis: apis}
}
