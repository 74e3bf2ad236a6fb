// http_load SECONDS: a server and its clients in one process.
package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sort"
	"strconv"
	"time"
)

func answer(w http.ResponseWriter, r *http.Request) {
	numbers := make([]int, 2000)
	for i := range numbers {
		numbers[i] = (i * 7919) % 2003
	}
	sort.Ints(numbers)
	body, err := json.Marshal(numbers)
	if err != nil {
		http.Error(w, err.Error(), 500)
		return
	}
	fmt.Fprintf(w, "%x %d", sha256.Sum256(body), len(body))
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: http_load SECONDS")
		os.Exit(2)
	}
	seconds, err := strconv.Atoi(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	server := httptest.NewServer(http.HandlerFunc(answer))
	for i := 0; i < 4; i++ {
		go func() {
			for {
				reply, err := http.Get(server.URL)
				if err != nil {
					return
				}
				io.Copy(io.Discard, reply.Body)
				reply.Body.Close()
			}
		}()
	}
	time.Sleep(time.Duration(seconds) * time.Second)
}
