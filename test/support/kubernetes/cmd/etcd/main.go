// etcd is the upstream program, unchanged: this main only gives the Go tool something to link.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	etcdmain.Main(os.Args)
}
