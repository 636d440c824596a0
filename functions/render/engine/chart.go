package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/ignore"
)

var byteOrderMark = []byte("\xef\xbb\xbf")

// loadChart reads a chart's folder as Helm does: files that .helmignore names are not part of it.
func loadChart(folder string) (*chart.Chart, error) {
	rules, err := ignoreRules(folder)
	if err != nil {
		return nil, err
	}
	buffered := []*loader.BufferedFile{}
	for _, file := range list(folder) {
		name := strings.TrimPrefix(strings.TrimPrefix(clean(file), folder), "/")
		if ignored(rules, name) {
			continue
		}
		content, err := tree{}.ReadFile(file)
		if err != nil {
			return nil, err
		}
		buffered = append(buffered, &loader.BufferedFile{Name: name, Data: bytes.TrimPrefix(content, byteOrderMark)})
	}
	loaded, err := loader.LoadFiles(buffered)
	if err != nil {
		return nil, err
	}
	return loaded, check(loaded)
}

func ignoreRules(folder string) (*ignore.Rules, error) {
	rules := ignore.Empty()
	if name := path.Join(folder, ignore.HelmIgnore); find(name) >= 0 {
		content, err := tree{}.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if rules, err = ignore.Parse(bytes.NewReader(content)); err != nil {
			return nil, fmt.Errorf("%s: %w", name[1:], err)
		}
	}
	rules.AddDefaults()
	return rules, nil
}

// ignored asks for each folder on the way too: what lies in an ignored folder is ignored.
func ignored(rules *ignore.Rules, name string) bool {
	for position, letter := range name {
		if letter == '/' && rules.Ignore(name[:position], entry{name: name[:position], folder: true}) {
			return true
		}
	}
	return rules.Ignore(name, entry{name: name})
}

func check(loaded *chart.Chart) error {
	if loaded.Metadata.Type == "library" {
		return fmt.Errorf("chart %s is a library: it is used by other charts and renders nothing itself", loaded.Name())
	}
	present := map[string]bool{}
	for _, dependency := range loaded.Dependencies() {
		present[dependency.Name()] = true
	}
	for _, wanted := range loaded.Metadata.Dependencies {
		if !present[wanted.Name] {
			return fmt.Errorf("chart %s needs %s %s, which is not in its charts/ folder: run `helm dependency build` and commit what it fetches",
				loaded.Name(), wanted.Name, wanted.Version)
		}
	}
	return nil
}

// entry is as much of a file's description as the ignore rules look at.
type entry struct {
	name   string
	folder bool
}

func (described entry) Name() string    { return path.Base(described.name) }
func (described entry) IsDir() bool     { return described.folder }
func (entry) Size() int64               { return 0 }
func (entry) Mode() fs.FileMode         { return 0 }
func (entry) ModTime() (none time.Time) { return }
func (entry) Sys() any                  { return nil }
