package console

import (
	"context"
	"errors"
	"net/http"
)

// Fault is an error that a person is told of in a page: what is wrong, and what to do.
type Fault struct {
	Status int
	Text   string // one sentence
	Help   string // what to do; may be empty
}

func (f Fault) Error() string { return f.Text }

// absent is a 404 that helps.
func absent(text, help string) error { return Fault{http.StatusNotFound, text, help} }

// refused is a 400: something in the request makes no sense.
func refused(text, help string) error { return Fault{http.StatusBadRequest, text, help} }

// faultOf gives every error a page. What the store said is for the log: it may quote what a stranger sent.
func faultOf(err error) Fault {
	var f Fault
	var p panicked
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &p):
		return Fault{http.StatusInternalServerError, "Something went wrong in tokenwatch itself.", "The log of tokenwatch says what; please report it."}
	case errors.Is(err, context.DeadlineExceeded):
		return Fault{http.StatusServiceUnavailable, "ClickHouse did not answer in time.", "Reload in a moment; the log of tokenwatch and its page /readyz say more."}
	}
	return Fault{http.StatusServiceUnavailable, "The page could not be read from ClickHouse.", "Reload in a moment; the log of tokenwatch says why."}
}
