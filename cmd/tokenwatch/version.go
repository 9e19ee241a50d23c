package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// release is set by the linker (-X main.release=v1.2.3) when a release is built.
var release = ""

type versionCommand struct{}

// Run prints the version, and with what it was built.
func (versionCommand) Run(p *process) error {
	fmt.Fprintf(p.stdout, "tokenwatch %s (%s, %s/%s)\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}

// version is the release, or the commit that the binary was built from.
func version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "devel-" + s.Value[:12]
		}
	}
	return "devel"
}
