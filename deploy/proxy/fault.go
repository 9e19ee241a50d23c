package proxy

import (
	"fmt"
	"time"
)

// Kind is what goes wrong on the way.
type Kind int

// The kinds of faults. Each lasts until another one is applied.
const (
	None      Kind = iota // bytes pass as they come
	Delay                 // each piece of bytes waits for up to Fault.Longest
	Stall                 // bytes wait for as long as the fault lasts; connections stay open
	Cut                   // connections are reset, each after up to Fault.Bytes more bytes
	HalfClose             // one direction ends, each after up to Fault.Bytes more bytes; the other one goes on
	Refuse                // new connections are reset at once; open ones are left alone
)

var kinds = [...]string{"none", "delay", "stall", "cut", "half-close", "refuse"}

func (k Kind) String() string {
	if k < 0 || int(k) >= len(kinds) {
		return fmt.Sprintf("kind %d", int(k))
	}
	return kinds[k]
}

// Fault is a kind and its measure.
type Fault struct {
	Kind    Kind
	Longest time.Duration // of a Delay, for one piece of at most 32 KiB
	Bytes   int64         // of Cut and HalfClose; 0 means at once, idle connections too
}

func (f Fault) String() string {
	switch f.Kind {
	case Delay:
		return fmt.Sprintf("delay of up to %s", f.Longest)
	case Cut, HalfClose:
		return fmt.Sprintf("%s within %d bytes", f.Kind, f.Bytes)
	}
	return f.Kind.String()
}

// ends tells faults that end connections, or a half of them.
func (f Fault) ends() bool { return f.Kind == Cut || f.Kind == HalfClose }
