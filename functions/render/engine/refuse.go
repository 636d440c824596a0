package main

import (
	"fmt"
	"path"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"
)

// refusal says which file asks for something this engine does not do, or which kustomization cannot be read.
type refusal struct {
	file    string
	message string
}

// refuse looks through every kustomization that a render can reach, before Kustomize runs: Kustomize would try to clone
// or download what is remote, and its error would then speak of a missing git program.
func refuse(root string, options helmOptions, asked *questions) *refusal {
	return inspection{seen: map[string]string{}, options: options, asked: asked}.folder(clean(root), "")
}

// inspection remembers the folders it has been to, each with the namespace that the way there gave to its charts, and
// what charts are rendered with.
type inspection struct {
	seen    map[string]string
	options helmOptions
	asked   *questions
}

func (through inspection) folder(folder, namespace string) *refusal {
	if _, ok := through.seen[folder]; ok {
		return through.again(folder, namespace)
	}
	through.seen[folder] = namespace
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		file := path.Join(folder, name)
		content, err := tree{}.ReadFile(file)
		if err != nil {
			continue
		}
		if refused := through.kustomization(folder, file, content, namespace); refused != nil {
			return refused
		}
	}
	return nil
}

// again refuses a folder with charts that two ways lead to with different namespaces: its charts are rendered once.
func (through inspection) again(folder, namespace string) *refusal {
	for name := range written {
		if path.Dir(name) == folder && through.seen[folder] != namespace {
			return &refusal{file: folder[1:], message: fmt.Sprintf(
				"its charts are wanted in the namespaces %q and %q at once: give each a namespace of its own in helmCharts",
				through.seen[folder], namespace)}
		}
	}
	return nil
}

func (through inspection) kustomization(folder, file string, content []byte, namespace string) *refusal {
	var parsed types.Kustomization
	if err := parsed.Unmarshal(content); err != nil {
		return &refusal{file: file[1:], message: err.Error()}
	}
	parsed.FixKustomization()
	// As Kustomize has it, a chart without a namespace takes that of the nearest kustomization above it.
	if parsed.Namespace != "" {
		namespace = parsed.Namespace
	}
	for _, reference := range references(&parsed) {
		if isRemote(reference) {
			return &refusal{file: file[1:], message: fmt.Sprintf(
				"remote base %s is not supported: copy it into the repository", reference)}
		}
	}
	if len(parsed.HelmCharts) > 0 {
		if err := inflate(folder, file, namespace, &parsed, through.options, through.asked); err != nil {
			return &refusal{file: file[1:], message: err.Error()}
		}
	}
	for _, reference := range folders(&parsed) {
		target := path.Join(folder, reference)
		if !(tree{}).IsDir(target) {
			continue
		}
		if refused := through.folder(target, namespace); refused != nil {
			return refused
		}
	}
	return nil
}

// folders lists the fields in which a path may name another kustomization.
func folders(parsed *types.Kustomization) []string {
	all := append([]string{}, parsed.Resources...)
	all = append(all, parsed.Components...)
	all = append(all, parsed.Generators...)
	all = append(all, parsed.Transformers...)
	return append(all, parsed.Validators...)
}

// references lists every path that Kustomize may load, inline documents left out.
func references(parsed *types.Kustomization) []string {
	all := append(folders(parsed), parsed.Crds...)
	all = append(all, parsed.Configurations...)
	all = append(all, parsed.OpenAPI["path"])
	for _, patch := range append(parsed.Patches, parsed.PatchesJson6902...) {
		all = append(all, patch.Path)
	}
	for _, patch := range parsed.PatchesStrategicMerge {
		all = append(all, string(patch))
	}
	for _, replacement := range parsed.Replacements {
		all = append(all, replacement.Path)
	}
	for _, generator := range parsed.ConfigMapGenerator {
		all = append(all, sources(generator.KvPairSources)...)
	}
	for _, generator := range parsed.SecretGenerator {
		all = append(all, sources(generator.KvPairSources)...)
	}
	return all
}

// sources lists a generator's files without the `key=` that may stand before each.
func sources(pairs types.KvPairSources) []string {
	all := append([]string{}, pairs.EnvSources...)
	for _, source := range pairs.FileSources {
		_, file, keyed := strings.Cut(source, "=")
		if !keyed || isRemote(source) {
			file = source
		}
		all = append(all, file)
	}
	return all
}

// isRemote follows Kustomize's own reading of a path: a URL, git's `user@host:path`, or a bare github.com address.
func isRemote(reference string) bool {
	if strings.Contains(reference, "\n") {
		return false
	}
	lower := strings.TrimPrefix(strings.ToLower(reference), "git::")
	if scheme, _, found := strings.Cut(lower, "://"); found && isWord(scheme) {
		return true
	}
	if strings.HasPrefix(lower, "github.com/") || strings.HasPrefix(lower, "github.com:") {
		return true
	}
	user, host, found := strings.Cut(lower, "@")
	return found && isWord(user) && strings.ContainsAny(host, ":/")
}

// isWord holds for what may stand as a URL's scheme or as git's user name: a letter, then letters, digits and dashes.
func isWord(text string) bool {
	for position, letter := range text {
		isLetter := letter >= 'a' && letter <= 'z'
		if !isLetter && (position == 0 || (letter != '-' && (letter < '0' || letter > '9'))) {
			return false
		}
	}
	return text != ""
}
