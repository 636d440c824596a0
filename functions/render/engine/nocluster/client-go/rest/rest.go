// Package rest stands in for client-go's: Helm's engine names a connection to a cluster, and here there is none.
//
// The whole stand-in module only has to satisfy the compiler. Helm's `lookup` reaches it when an engine is given a
// connection, which this program never does.
package rest

// Config would say how to reach a cluster.
type Config struct{}
