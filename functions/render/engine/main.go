// Command engine is the render engine: Kustomize, Helm and Jsonnet as a WASI reactor, one module instance serving many renders.
//
// It sees the request and, through the host, the files of one repository: no network, no disk, no processes, no environment.
// A request never changes what a later request gets; after a panic the host throws the instance away.
package main

import (
	"encoding/json"
	"fmt"
	"unsafe"
)

// input and output stay reachable from here, so that the collector leaves them alone while the host holds their address.
var input, output []byte

// alloc makes room for one request and tells the host where to write it.
//
//go:wasmexport alloc
func alloc(size uint32) uint32 {
	input = make([]byte, size)
	return address(input)
}

// render answers the request in the buffer of the last alloc: address of the answer in the upper 32 bits, size in the lower.
//
//go:wasmexport render
func render() uint64 {
	output = encode(answer(input))
	input = nil
	return uint64(address(output))<<32 | uint64(len(output))
}

// release lets go of the last answer once the host has copied it.
//
//go:wasmexport release
func release() {
	output = nil
}

func address(buffer []byte) uint32 {
	return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(buffer))))
}

// reply is what the host reads: the rendered objects, or why there are none.
type reply struct {
	OK        bool              `json:"ok"`
	Manifests []json.RawMessage `json:"manifests,omitempty"`
	// Message is Kustomize's, Helm's or Jsonnet's own text; File is set when the engine knows better than the text which file is meant.
	Message string `json:"message,omitempty"`
	File    string `json:"file,omitempty"`
	// Asked is what a chart wanted to know of the cluster.
	Asked *questions `json:"asked,omitempty"`
}

// request is what the host writes: what to render, and which folder of the repository, "" being its root.
type request struct {
	Kind string `json:"kind"`
	Path string `json:"path"`
	// Helm is there for a chart, and for those of a kustomization.
	Helm    helmOptions    `json:"helm"`
	Jsonnet jsonnetOptions `json:"jsonnet"`
}

func answer(encoded []byte) reply {
	var asked request
	if err := json.Unmarshal(encoded, &asked); err != nil {
		return failure(fmt.Errorf("the request is damaged: %w", err))
	}
	switch asked.Kind {
	case "kustomize":
		return kustomize(asked.Path, asked.Helm)
	case "helm":
		return helm(asked.Path, asked.Helm)
	case "jsonnet":
		return evaluate(asked.Path, asked.Jsonnet)
	default:
		return failure(fmt.Errorf("this engine does not render %q", asked.Kind))
	}
}

func failure(err error) reply {
	return reply{Message: err.Error()}
}

func encode(answer reply) []byte {
	encoded, err := json.Marshal(answer)
	if err != nil {
		return encode(failure(fmt.Errorf("the rendered objects are not valid JSON: %w", err)))
	}
	return encoded
}

// main is never called: a reactor only has its exports. The linker wants it all the same.
func main() {}
