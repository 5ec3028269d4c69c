// Applies transactions to a bbolt database, the way that engines write theirs. Reads a JSON list of transactions from
// stdin, each a list of steps {"op", "path", "key", "value"} with hexadecimal texts; writes one line when all are done.
package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"

	bolt "go.etcd.io/bbolt"
)

type step struct {
	Op    string
	Path  []string
	Key   string
	Value string
}

func bytes(text string) []byte {
	raw, err := hex.DecodeString(text)
	check(err)
	return raw
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func apply(tx *bolt.Tx, one step) error {
	var here *bolt.Bucket
	for _, name := range one.Path {
		var err error
		if here == nil {
			here, err = tx.CreateBucketIfNotExists(bytes(name))
		} else {
			here, err = here.CreateBucketIfNotExists(bytes(name))
		}
		if err != nil {
			return err
		}
	}
	switch {
	case one.Op == "put":
		return here.Put(bytes(one.Key), bytes(one.Value))
	case one.Op == "delete":
		return here.Delete(bytes(one.Key))
	case here == nil:
		return tx.DeleteBucket(bytes(one.Key))
	}
	return here.DeleteBucket(bytes(one.Key))
}

func main() {
	size, err := strconv.Atoi(os.Args[2])
	check(err)
	db, err := bolt.Open(os.Args[1], 0o600, &bolt.Options{PageSize: size, Timeout: 10 * time.Second, NoFreelistSync: len(os.Args) > 3})
	check(err)
	var transactions [][]step
	check(json.NewDecoder(os.Stdin).Decode(&transactions))
	for _, steps := range transactions {
		check(db.Update(func(tx *bolt.Tx) error {
			for _, one := range steps {
				if err := apply(tx, one); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	fmt.Println("done")
	check(db.Close())
}
