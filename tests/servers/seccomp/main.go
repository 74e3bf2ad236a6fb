// Prints the seccomp profile that container runtimes apply by default, as its module publishes it.
package main

import (
	"encoding/json"
	"log"
	"os"

	"github.com/moby/profiles/seccomp"
)

func main() {
	if err := json.NewEncoder(os.Stdout).Encode(seccomp.DefaultProfile()); err != nil {
		log.Fatal(err)
	}
}
