package ingest

import (
	"fmt"
	"math"
	"runtime"
	"strings"

	"github.com/tokenwatch/tokenwatch/schema"
)

// ReasonInternal is the dead letter's reason for a record that decoding panicked over. It is tokenwatch's fault, not the record's;
// but a partition that ended with every attempt at such a record would never get past it.
const ReasonInternal = "internal_error"

// panicked makes the dead letter of such a record. It has no payload: what takes secrets out of it may be what failed. Kafka has the record.
func (w *decoding) panicked(fault any) schema.DeadLetter {
	return schema.DeadLetter{
		Ingested: w.pos.At, Topic: w.pos.Topic, Partition: w.pos.Partition, Offset: w.pos.Offset,
		Source: w.cfg.Format, Reason: ReasonInternal, Size: uint32(min(w.size, math.MaxUint32)),
		Detail: fmt.Sprintf("decoding panicked at %s: %s", panickedAt(), saying(fault)),
	}
}

// saying is what a panic says, of which the runtime's own never quote data.
func saying(fault any) string {
	if err, ok := fault.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("a panic with a %T", fault)
}

// panickedAt is the function and line that panicked, while its stack still stands.
func panickedAt() string {
	var stack [64]uintptr
	frames := runtime.CallersFrames(stack[:runtime.Callers(0, stack[:])])
	for panicking := false; ; {
		frame, more := frames.Next()
		switch {
		case frame.Function == "runtime.gopanic":
			panicking = true
		case panicking && !strings.HasPrefix(frame.Function, "runtime."):
			return fmt.Sprintf("%s:%d", frame.Function, frame.Line)
		}
		if !more {
			return "an unknown place"
		}
	}
}

// survived reports whether do returned.
func survived(do func()) (ok bool) {
	defer func() { ok = recover() == nil }()
	do()
	return true
}
