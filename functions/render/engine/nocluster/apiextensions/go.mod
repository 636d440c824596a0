module k8s.io/apiextensions-apiserver

go 1.24.0

require k8s.io/client-go v0.35.1
