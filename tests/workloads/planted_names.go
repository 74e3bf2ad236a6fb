// Spends its time in a function that the compiler inlines into another.
package main

import "time"

func foldInlined(value uint64) uint64 {
	value = (value^(value>>29))*0x9e3779b97f4a7c15 + 1
	value = (value^(value>>31))*0x9e3779b97f4a7c15 + 2
	value = (value^(value>>27))*0x9e3779b97f4a7c15 + 3
	value = (value^(value>>30))*0x9e3779b97f4a7c15 + 4
	return value
}

//go:noinline
func crunch(seed uint64) uint64 {
	for turn := 0; turn < 1<<20; turn++ {
		seed = foldInlined(seed)
	}
	return seed
}

func main() {
	seed := uint64(1)
	for end := time.Now().Add(time.Hour); time.Now().Before(end); {
		seed = crunch(seed)
	}
	println(seed)
}
