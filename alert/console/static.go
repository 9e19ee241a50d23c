package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

// files serves static/: scripts, styles and the outline of the map. A page names each by its content, so that a browser
// keeps it for good and still gets the new one. Pages are not compressed: they carry a secret (CSRF) beside text that
// strangers chose, and how well that compresses would tell of the secret.
type files struct {
	base string
	all  map[string]file // by path below static/
}

type file struct {
	content []byte
	packed  []byte // gzip; nil where that gains little
	version string
	kind    string
}

func openFiles(from fs.FS, base string) (*files, error) {
	f := &files{base: base, all: map[string]file{}}
	err := fs.WalkDir(from, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		f.all[strings.TrimPrefix(name, "static/")], err = openFile(name, content)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the console's files: %w", err)
	}
	return f, nil
}

func openFile(name string, content []byte) (file, error) {
	sum := sha256.Sum256(content)
	one := file{content: content, version: hex.EncodeToString(sum[:6]), kind: mime.TypeByExtension(path.Ext(name))}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(content); err != nil {
		return one, err
	}
	if err := w.Close(); err != nil {
		return one, err
	}
	if packed.Len() < len(content)*9/10 {
		one.packed = packed.Bytes()
	}
	return one, nil
}

// address is where a page finds a file.
func (f *files) address(name string) string {
	at := f.base + "/static/" + name
	if one, found := f.all[name]; found {
		at += "?v=" + one.version
	}
	return at
}

// ServeHTTP gives a file out.
func (f *files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	one, found := f.all[strings.TrimPrefix(r.URL.Path, f.base+"/static/")]
	if !found {
		http.Error(w, "there is no such file", http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Content-Type", one.kind)
	h.Set("Cache-Control", "public, max-age=300")
	if r.URL.Query().Get("v") == one.version {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Set("Vary", "Accept-Encoding")
	content, tag := one.content, `"`+one.version+`"`
	if one.packed != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		content, tag = one.packed, `"`+one.version+`-gz"`
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("ETag", tag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}
