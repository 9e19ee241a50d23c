package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestSingle holds the packages that `make test` runs without the race detector to one goroutine, with their tests, and to
// no unsafe memory, which it looks after too. What is read by several at once has a file of its own, readers_test.go.
func TestSingle(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^SINGLE := (.+)$`).FindSubmatch(makefile)
	if found == nil {
		t.Fatal("the Makefile has no SINGLE any more")
	}
	for _, room := range strings.Fields(string(found[1])) {
		files, err := filepath.Glob("../../" + room + "/*.go")
		if err != nil || len(files) < 10 {
			t.Fatalf("%s: %d files, %v", room, len(files), err)
		}
		for _, path := range files {
			if filepath.Base(path) == "readers_test.go" {
				continue
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, finding := range concurrent(t, path, string(text)) {
				t.Error(finding)
			}
		}
	}
}

// The check itself finds each way to be more than one.
func TestSingleFinds(t *testing.T) {
	for name, text := range map[string]string{
		"a goroutine":     "package x\nfunc f() { go f() }",
		"a lock":          "package x\nimport \"sync\"\nvar m sync.Mutex",
		"an atomic":       "package x\nimport \"sync/atomic\"\nvar n atomic.Int64",
		"a group":         "package x\nimport \"golang.org/x/sync/errgroup\"\nvar g errgroup.Group",
		"unsafe memory":   "package x\nimport \"unsafe\"\nvar p unsafe.Pointer",
		"a parallel test": "package x\nimport \"testing\"\nfunc TestX(t *testing.T) { t.Parallel() }",
		"a timer":         "package x\nimport \"time\"\nfunc f() { time.AfterFunc(0, f) }",
	} {
		if len(concurrent(t, name, text)) == 0 {
			t.Errorf("%s goes unseen", name)
		}
	}
	if found := concurrent(t, "nothing", "package x\nimport \"time\"\nfunc f() { defer f(); _ = time.UnixMilli(0) }"); len(found) > 0 {
		t.Errorf("nothing is %q", found)
	}
}

// concurrent lists where a file starts a goroutine, or reaches for what only several need.
func concurrent(t *testing.T, path, text string) (found []string) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, text, 0)
	if err != nil {
		t.Fatal(err)
	}
	report := func(at token.Pos, what string) { found = append(found, files.Position(at).String()+": "+what) }
	for _, i := range file.Imports {
		name := strings.Trim(i.Path.Value, `"`)
		if name == "unsafe" || name == "sync" || strings.HasPrefix(name, "sync/") || strings.HasPrefix(name, "golang.org/x/sync") || name == "net/http/httptest" {
			report(i.Pos(), "imports "+name)
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			report(n.Pos(), "starts a goroutine")
		case *ast.SelectorExpr:
			if slices.Contains([]string{"Parallel", "RunParallel", "AfterFunc"}, n.Sel.Name) {
				report(n.Pos(), n.Sel.Name)
			}
		}
		return true
	})
	return found
}
