// Command rego evaluates Policies written in Rego over rendered objects: Open Policy Agent as a WASI reactor.
//
// It sees the request alone: no network, no disk, no clock that a policy could read, no environment. Of OPA's built-in
// functions those are left out that would reach outside or answer differently the next time.
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

// render answers the request in the buffer of the last alloc: address of the answer in the upper 32 bits, size in the
// lower. It has the name that the render engine's export has, because one host speaks to both.
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

// request is one policy and what it is asked about. Without inputs, only whether it compiles.
type request struct {
	Module string `json:"module"`
	// Inputs are what Gatekeeper hands to a template: `review` and `parameters`.
	Inputs []json.RawMessage `json:"inputs"`
}

// reply holds the violations of each input, in order; or what is wrong with the policy.
type reply struct {
	OK         bool       `json:"ok"`
	Violations [][]string `json:"violations,omitempty"`
	Message    string     `json:"message,omitempty"`
}

func answer(encoded []byte) (result reply) {
	defer func() {
		if cause := recover(); cause != nil {
			result = reply{Message: fmt.Sprintf("Rego gave up: %v", cause)}
		}
	}()
	var asked request
	if err := json.Unmarshal(encoded, &asked); err != nil {
		return reply{Message: fmt.Sprintf("the request is damaged: %v", err)}
	}
	violations, err := evaluate(asked)
	if err != nil {
		return reply{Message: err.Error()}
	}
	return reply{OK: true, Violations: violations}
}

func encode(answer reply) []byte {
	encoded, err := json.Marshal(answer)
	if err != nil {
		return encode(reply{Message: fmt.Sprintf("the answer is not valid JSON: %v", err)})
	}
	return encoded
}

// main is never called: a reactor only has its exports. The linker wants it all the same.
func main() {}
