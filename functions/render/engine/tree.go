package main

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"unsafe"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// tree is a repository at one commit as Kustomize's file system: read-only, rooted at "/", and nothing above it.
// The files stay with the host, which answers two questions about them; a render of a large repository therefore costs
// the files that it reads, not those that exist.
type tree struct{}

const (
	absent = -1
	folder = -2
)

// hostFind answers absent, folder, or the size of the file at a clean path from the root of the repository.
//
//go:wasmimport fairlead find
func hostFind(name string) int32

// hostRead copies the file at the path into a buffer of the size that hostFind gave.
//
//go:wasmimport fairlead read
func hostRead(name string, buffer unsafe.Pointer)

// hostList counts the bytes of the paths of all files below a folder, one on a line.
//
//go:wasmimport fairlead list
func hostList(name string) int32

// hostListed copies what hostList counted last.
//
//go:wasmimport fairlead listed
func hostListed(buffer unsafe.Pointer)

// list names the files below a folder, at any depth, from the root of the repository.
func list(name string) []string {
	listed := make([]byte, hostList(clean(name)[1:]))
	hostListed(unsafe.Pointer(unsafe.SliceData(listed)))
	return strings.FieldsFunc(string(listed), func(letter rune) bool { return letter == '\n' })
}

var errReadOnly = errors.New("the repository is read-only while it renders")

func clean(name string) string { return path.Join("/", name) }

func find(full string) int32 {
	if content, ok := written[full]; ok {
		return int32(len(content))
	}
	return hostFind(full[1:])
}

// CleanedAbs splits a path into its folder and, when it names a file, the file.
func (tree) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	full := clean(name)
	switch find(full) {
	case absent:
		return "", "", missing(full)
	case folder:
		return filesys.ConfirmedDir(full), "", nil
	default:
		return filesys.ConfirmedDir(path.Dir(full)), path.Base(full), nil
	}
}

// ReadFile hands out a copy of a file's bytes.
func (tree) ReadFile(name string) ([]byte, error) {
	full := clean(name)
	if content, ok := written[full]; ok {
		return content, nil
	}
	size := find(full)
	if size < 0 {
		return nil, missing(full)
	}
	content := make([]byte, size)
	hostRead(full[1:], unsafe.Pointer(unsafe.SliceData(content)))
	return content, nil
}

func missing(full string) error {
	if find(full) == folder {
		return fmt.Errorf("'%s' is a folder", full[1:])
	}
	return fmt.Errorf("'%s' does not exist in the repository", full[1:])
}

func (tree) Exists(name string) bool { return find(clean(name)) != absent }
func (tree) IsDir(name string) bool  { return find(clean(name)) == folder }

// The rest of the interface is for tools that edit or list a folder; a render does neither.

func (tree) Create(string) (filesys.File, error)  { return nil, errReadOnly }
func (tree) Mkdir(string) error                   { return errReadOnly }
func (tree) MkdirAll(string) error                { return errReadOnly }
func (tree) RemoveAll(string) error               { return errReadOnly }
func (tree) WriteFile(string, []byte) error       { return errReadOnly }
func (tree) Open(string) (filesys.File, error)    { return nil, errReadOnly }
func (tree) ReadDir(string) ([]string, error)     { return nil, errReadOnly }
func (tree) Glob(string) ([]string, error)        { return nil, errReadOnly }
func (tree) Walk(string, filepath.WalkFunc) error { return errReadOnly }
