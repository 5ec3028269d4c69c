package main

import (
	"fmt"
	"os"

	"github.com/google/cadvisor/fs"
)

// Prints what cAdvisor finds below a directory, by its own loop, for bench_walk.py.
func main() {
	usage, err := fs.GetDirUsage(os.Args[1])
	fmt.Println(usage.Bytes, usage.Inodes, err)
}
