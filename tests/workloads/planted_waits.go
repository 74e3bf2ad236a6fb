// planted_waits KIND [PORT]: on a line from standard input its main thread blocks for two seconds, for one reason only, and
// prints what the kernel's own books say of it: [nanoseconds neither on a CPU nor in the run queue, switches that the thread
// asked for]. The main goroutine is bound to the main thread, and calls the kernel itself: what Go's own sleeps and sockets wait
// for is one thread's epoll. PORT is of 127.0.0.1, where somebody answers each byte after a while.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

const (
	nap             = 10 * time.Millisecond
	monotonicClock  = 1
	threadClock     = 3
	usageOfThisOnly = 1 // RUSAGE_THREAD
)

var spare = []byte("x")

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func clockNs(clock uintptr) int64 {
	var now syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clock, uintptr(unsafe.Pointer(&now)), 0)
	return now.Nano()
}

func runQueueNs() int64 {
	text, err := os.ReadFile("/proc/thread-self/schedstat")
	fail(err)
	ns, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	fail(err)
	return ns
}

// All of one instant: once more when the thread lost its CPU meanwhile.
func books() (blockedNs, switches int64) {
	for before := runQueueNs(); ; {
		blockedNs = clockNs(monotonicClock) - clockNs(threadClock) - before
		var usage syscall.Rusage
		fail(syscall.Getrusage(usageOfThisOnly, &usage))
		after := runQueueNs()
		if after == before {
			return blockedNs, usage.Nvcsw
		}
		before = after
	}
}

//go:noinline
func sleepInTheKernel() {
	length := syscall.NsecToTimespec(int64(nap))
	syscall.Nanosleep(&length, nil)
}

//go:noinline
func receiveInTheKernel(socket int) {
	syscall.Read(socket, spare)
}

//go:noinline
func takeMutex(mutex *sync.Mutex) {
	mutex.Lock()
}

func connect(port string) int {
	number, err := strconv.Atoi(port)
	fail(err)
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	fail(err)
	fail(syscall.Connect(socket, &syscall.SockaddrInet4{Port: number, Addr: [4]byte{127, 0, 0, 1}}))
	return socket
}

// A round is one wait, or two.
func roundOf(kind string) func() {
	switch kind {
	case "sleep":
		return sleepInTheKernel
	case "receive":
		socket := connect(os.Args[2])
		return func() {
			syscall.Write(socket, spare)
			receiveInTheKernel(socket)
		}
	case "lock":
		var mutex sync.Mutex
		begin, held := make(chan bool), make(chan bool)
		go func() {
			for range begin {
				mutex.Lock()
				held <- true
				time.Sleep(nap)
				mutex.Unlock()
			}
		}()
		return func() {
			begin <- true
			<-held
			takeMutex(&mutex)
			mutex.Unlock()
		}
	}
	fail(fmt.Errorf("there is no kind %s", kind))
	return nil
}

func main() {
	runtime.LockOSThread()
	syscall.Read(0, spare)
	round := roundOf(os.Args[1])
	deadline := time.Now().Add(2 * time.Second)
	blockedBefore, switchesBefore := books()
	for time.Now().Before(deadline) {
		round()
	}
	blocked, switches := books()
	fmt.Printf("[%d, %d]\n", blocked-blockedBefore, switches-switchesBefore)
	syscall.Read(0, spare)
}
