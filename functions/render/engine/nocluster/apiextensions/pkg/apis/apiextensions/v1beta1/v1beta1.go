// Package v1beta1 stands in for the API of custom resource definitions: Helm adds it to the scheme of the stand-in client.
package v1beta1

import "k8s.io/client-go/kubernetes/scheme"

// AddToScheme adds nothing.
func AddToScheme(*scheme.Known) error { return nil }
