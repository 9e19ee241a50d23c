package sql

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/term"
)

// Terminal is a person at a keyboard: lines with editing, history and completion, and Ctrl-C, which gives up the line
// or the query under way instead of the program.
type Terminal struct {
	line    *term.Terminal
	keys    *keys
	history *History
	size    func() (width, height int, err error)
	restore func() error
}

// OpenTerminal takes over a terminal until Close. It reports false where in or out is none.
func OpenTerminal(in io.Reader, out io.Writer, history *History, names []string) (*Terminal, bool, error) {
	keyboard, isFile := in.(*os.File)
	screen, alsoFile := out.(*os.File)
	if !isFile || !alsoFile || !term.IsTerminal(int(keyboard.Fd())) || !term.IsTerminal(int(screen.Fd())) {
		return nil, false, nil
	}
	before, err := term.MakeRaw(int(keyboard.Fd()))
	if err != nil {
		return nil, false, fmt.Errorf("taking over the terminal: %w", err)
	}
	t := NewTerminal(keyboard, screen, history, names)
	t.size = func() (int, int, error) { return term.GetSize(int(screen.Fd())) }
	t.restore = func() error { return term.Restore(int(keyboard.Fd()), before) }
	return t, true, nil
}

// NewTerminal is a terminal at the other end of in and out, which is in raw mode already.
func NewTerminal(in io.Reader, out io.Writer, history *History, names []string) *Terminal {
	t := &Terminal{keys: newKeys(in), history: history}
	t.line = term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{t.keys, out}, "")
	t.line.History = history
	t.line.AutoCompleteCallback = func(line string, at int, key rune) (string, int, bool) {
		if key != '\t' {
			return "", 0, false
		}
		return complete(names, line, at)
	}
	go t.keys.listen()
	return t
}

// Close gives the terminal back.
func (t *Terminal) Close() error {
	if t.restore == nil {
		return nil
	}
	return t.restore()
}

// Line implements Lines.
func (t *Terminal) Line(prompt string) (string, error) {
	if t.size != nil {
		if width, height, err := t.size(); err == nil && width > 0 {
			_ = t.line.SetSize(width, height) // it redraws, and can do no better than before
		}
	}
	t.line.SetPrompt(prompt)
	line, err := t.line.ReadLine()
	if errors.Is(err, term.ErrPasteIndicator) {
		err = nil
	}
	if t.keys.interrupted() {
		return "", ErrInterrupted
	}
	return line, err
}

// Write shows text, with the line ends that a raw terminal wants.
func (t *Terminal) Write(text []byte) (int, error) { return t.line.Write(text) }

// Remember adds to the history what Line gave, a statement at a time.
func (t *Terminal) Remember(text string) { t.history.remember(text) }

// Cancellable is a context that Ctrl-C ends with the cause ErrInterrupted, until stop.
func (t *Terminal) Cancellable(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	t.keys.watch(func() { cancel(ErrInterrupted) })
	return ctx, func() {
		t.keys.watch(nil)
		cancel(nil)
	}
}

// complete finishes the word before the cursor as far as all names that begin with it agree.
func complete(names []string, line string, at int) (string, int, bool) {
	begin := strings.LastIndexAny(line[:at], " \t(,=;") + 1
	word, common := line[begin:at], ""
	for _, name := range names {
		switch {
		case word == "" || !strings.HasPrefix(name, word):
		case common == "":
			common = name
		default:
			common = commonPrefix(common, name)
		}
	}
	if common == "" {
		return "", 0, false
	}
	return line[:begin] + common + line[at:], begin + len(common), true
}

func commonPrefix(a, b string) string {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return a[:n]
}

// keys reads the keyboard all the time, so that Ctrl-C is seen while nobody waits for a line.
type keys struct {
	from io.Reader

	mu     sync.Mutex
	came   *sync.Cond
	typed  []byte
	ended  error
	cancel func() // of the query under way
	gaveUp bool   // Ctrl-C was pressed while a line was typed
}

const (
	ctrlC = 3
	// mostTyped bounds what is typed ahead while a query runs.
	mostTyped = 1 << 20
)

// giveUp is what the line editor gets for Ctrl-C: to the line's begin, delete it, enter.
var giveUp = []byte{1, 11, '\r'}

func newKeys(from io.Reader) *keys {
	k := &keys{from: from}
	k.came = sync.NewCond(&k.mu)
	return k
}

func (k *keys) listen() {
	chunk := make([]byte, 4096)
	for {
		n, err := k.from.Read(chunk)
		k.mu.Lock()
		k.take(chunk[:n])
		k.ended = err
		k.came.Broadcast()
		k.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (k *keys) take(chunk []byte) {
	if bytes.IndexByte(chunk, ctrlC) >= 0 && k.cancel != nil {
		k.cancel()
		k.typed = nil
		return
	}
	if bytes.IndexByte(chunk, ctrlC) >= 0 {
		k.gaveUp = true
		chunk = slices.Concat(bytes.ReplaceAll(chunk[:bytes.IndexByte(chunk, ctrlC)], []byte{'\r'}, nil), giveUp)
	}
	if len(k.typed)+len(chunk) <= mostTyped {
		k.typed = append(k.typed, chunk...)
	}
}

// Read waits for keys.
func (k *keys) Read(into []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for len(k.typed) == 0 {
		if k.ended != nil {
			return 0, k.ended
		}
		k.came.Wait()
	}
	n := copy(into, k.typed)
	k.typed = k.typed[n:]
	return n, nil
}

func (k *keys) watch(cancel func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cancel = cancel
}

func (k *keys) interrupted() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	was := k.gaveUp
	k.gaveUp = false
	return was
}
