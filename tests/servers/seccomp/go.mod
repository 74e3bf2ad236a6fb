// The default seccomp profile of container runtimes, for tests: not part of Sonde.
module sonde/tests/servers/seccomp

go 1.25.0

require github.com/moby/profiles/seccomp v0.3.0

require (
	github.com/opencontainers/runtime-spec v1.2.1 // indirect
	golang.org/x/sys v0.33.0 // indirect
)
