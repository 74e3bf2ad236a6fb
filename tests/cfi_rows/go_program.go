// A small Go program whose rows are compared: goroutines, deferred calls, maps, large frames, signals, a changed stack.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"sort"
	"strings"
)

type shape interface{ area() float64 }
type square struct{ side float64 }

func (s square) area() float64 { return s.side * s.side }

func deep(n int, shapes []shape) (sum float64) {
	var large [512]float64
	defer func() { sum += large[n%512] }()
	if n == 0 {
		return 0
	}
	large[n%512] = shapes[n%len(shapes)].area()
	return deep(n-1, shapes) + large[n%512]
}

func main() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt)
	words := map[string]int{}
	for _, word := range strings.Fields(strings.Join(os.Args, " ")) {
		words[word]++
	}
	keys := make([]string, 0, len(words))
	for key := range words {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	done := make(chan float64)
	for i := 1; i <= 4; i++ {
		go func(n int) { done <- deep(n*100, []shape{square{1}, square{float64(n)}}) }(i)
	}
	for i := 0; i < 4; i++ {
		fmt.Println(<-done, keys)
	}
}
