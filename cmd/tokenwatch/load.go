package main

import (
	"encoding"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"reflect"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/tokenwatch/tokenwatch/deploy/local"
)

// envPrefix begins the name of every environment variable that overrides a key:
// kafka.brokers is TOKENWATCH_KAFKA_BROKERS.
const envPrefix = "TOKENWATCH_"

// load fills a configuration from a YAML file, if one is named, and then from the
// environment. What neither mentions keeps the value it has. Keys that do not exist are
// refused with the line they stand on: a typo must not silently become a default.
func load(file string, environ []string, into any) error {
	if file != "" {
		if err := loadFile(file, into); err != nil {
			return err
		}
	}
	return loadEnv(environ, into)
}

func loadFile(file string, into any) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	defer f.Close()
	var doc, further yaml.Node
	documents := yaml.NewDecoder(f)
	if err := documents.Decode(&doc); errors.Is(err, io.EOF) {
		return nil // an empty file changes nothing
	} else if err != nil {
		return fmt.Errorf("%s: %w", file, plainer(err))
	}
	if err := documents.Decode(&further); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: a second document begins after ---: only the first would count", file)
	}
	if err := secretFiles(file, doc.Content[0], reflect.TypeOf(into).Elem(), ""); err != nil {
		return err
	}
	if err := misfit(file, doc.Content[0], reflect.TypeOf(into).Elem(), ""); err != nil {
		return err
	}
	if err := doc.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", file, plainer(err))
	}
	return nil
}

// plainer takes the parser's own name off its errors.
func plainer(err error) error {
	return errors.New(strings.ReplaceAll(strings.TrimPrefix(err.Error(), "yaml: "), "unmarshal errors:\n  ", ""))
}

// misfit walks the document beside the type and reports the first key that the type does
// not have, with the nearest one that it has, or the first value that is none for its key.
// Values are not repeated: any of them may be a secret in the wrong place.
func misfit(file string, node *yaml.Node, t reflect.Type, path string) error {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	fields := keys(t)
	if elem, named := entries(t); named && node.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(node.Content); i += 2 {
			at := strings.TrimPrefix(path+"."+node.Content[i].Value, ".")
			if err := misfit(file, node.Content[i+1], elem, at); err != nil {
				return err
			}
		}
		return nil
	}
	if t.Kind() == reflect.Slice && keys(t.Elem()) != nil && node.Kind == yaml.SequenceNode {
		for i, item := range node.Content {
			if err := misfit(file, item, t.Elem(), fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
		return nil
	}
	if fields == nil {
		if err := fits(node, t); err != nil {
			return fmt.Errorf("%s:%d: %s: %w", file, node.Line, path, err)
		}
		return nil
	}
	if node.Kind != yaml.MappingNode {
		if node.Tag == "!!null" {
			return nil
		}
		return fmt.Errorf("%s:%d: %swant a section of lines like \"key: value\"", file, node.Line, prefix(path))
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		at := strings.TrimPrefix(path+"."+key.Value, ".")
		field, known := fields[key.Value]
		if !known {
			return fmt.Errorf("%s:%d: unknown key %q%s", file, key.Line, at, suggestion(key.Value, fields))
		}
		if err := misfit(file, value, field, at); err != nil {
			return err
		}
	}
	return nil
}

func prefix(path string) string {
	if path == "" {
		return ""
	}
	return path + ": "
}

// fits says what a value of the type looks like, if this is none.
func fits(node *yaml.Node, t reflect.Type) error {
	err := node.Decode(reflect.New(t).Interface())
	switch {
	case err == nil:
		return nil
	case t == reflect.TypeFor[time.Duration]():
		return errors.New("want a duration, such as 500ms, 10s or 24h")
	case t == reflect.TypeFor[slog.Level]():
		return errors.New("want debug, info, warn or error")
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return plainer(err) // it knows its own values
	}
	switch t.Kind() {
	case reflect.Bool:
		return errors.New("want true or false")
	case reflect.Int, reflect.Int64:
		return errors.New("want a whole number")
	case reflect.Float64:
		return errors.New("want a number")
	case reflect.String:
		return errors.New("want a text")
	case reflect.Slice:
		return errors.New("want a list, such as [a, b]")
	case reflect.Map:
		return errors.New("want a section of lines like \"name: ...\"")
	}
	return plainer(err)
}

// keys lists the YAML keys of a struct that is a section of its own, with their types.
// It is nil for everything else, such as a time or a secret.
func keys(t reflect.Type) map[string]reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	var m map[string]reflect.Type
	for i := range t.NumField() {
		tag := t.Field(i).Tag.Get("yaml")
		name, options, _ := strings.Cut(tag, ",")
		if strings.Contains(options, "inline") {
			for k, v := range keys(t.Field(i).Type) {
				m = put(m, k, v)
			}
		} else if name != "" && name != "-" {
			m = put(m, name, t.Field(i).Type)
		}
	}
	return m
}

// entries is the type of what stands under names that the user chooses.
func entries(t reflect.Type) (elem reflect.Type, named bool) {
	if t.Kind() != reflect.Map {
		return nil, false
	}
	return t.Elem(), true
}

func put(m map[string]reflect.Type, k string, v reflect.Type) map[string]reflect.Type {
	if m == nil {
		m = map[string]reflect.Type{}
	}
	m[k] = v
	return m
}

func suggestion(key string, among map[string]reflect.Type) string {
	best, least := "", len(key)/2+1
	for k := range among {
		if d := editDistance(key, k); d < least || d == least && k < best {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}

// editDistance is Levenshtein's distance.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// loadEnv overrides keys by the environment. Lists are written with commas.
func loadEnv(environ []string, into any) error {
	names := variables(reflect.TypeOf(into).Elem())
	if err := givenTwice(environ, names); err != nil {
		return err
	}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		l, known := names[name]
		if !known || l.file && value == "" {
			continue // see strangeEnv
		}
		if l.file {
			var err error
			if value, err = readSecret(value); err != nil {
				return fmt.Errorf("environment variable %s: %w", name, err)
			}
		}
		if err := l.set(value, into); err != nil {
			// The value is not repeated: it may be a secret.
			return fmt.Errorf("environment variable %s: %w", name, withoutValue(err, value))
		}
	}
	return nil
}

// strangeEnv lists variables that look like ours and are none. They are no error, since
// Kubernetes makes such for every service that is called tokenwatch.
func strangeEnv(environ []string, into any) []string {
	names := variables(reflect.TypeOf(into).Elem())
	var strange []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if _, known := names[name]; strings.HasPrefix(name, envPrefix) && !known && name != local.AssetsEnv {
			strange = append(strange, name)
		}
	}
	return strange
}

func withoutValue(err error, value string) error {
	text := plainer(err).Error()
	if len(value) > 3 { // what is shorter is no secret, and part of the examples that the errors give
		text = strings.ReplaceAll(text, value, "…")
	}
	return errors.New(strings.TrimPrefix(text, "line 1: "))
}

// leaf is a key that holds a value rather than further keys.
type leaf struct {
	path []string
	of   reflect.Type
	file bool // the value is the name of a file that holds it
}

func leaves(t reflect.Type, path []string, into map[string]leaf) {
	for name, field := range keys(t) {
		at := append(append([]string{}, path...), name)
		if keys(field) != nil {
			leaves(field, at, into)
			continue
		}
		into[envPrefix+strings.ToUpper(strings.Join(at, "_"))] = leaf{path: at, of: field}
	}
}

// set decodes a small document that holds just this key, so that a value means the same
// in the environment as in the file.
func (l leaf) set(value string, into any) error {
	node := &yaml.Node{Kind: yaml.ScalarNode, Value: value}
	if l.of.Kind() == reflect.String {
		node.Tag = "!!str" // a password of digits is still a text
	}
	if l.of.Kind() == reflect.Slice {
		list := &yaml.Node{Kind: yaml.SequenceNode}
		for _, v := range strings.Split(value, ",") {
			if v = strings.TrimSpace(v); v != "" {
				list.Content = append(list.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: v})
			}
		}
		node = list
	}
	if l.of.Kind() == reflect.Map { // as YAML in one line: {a: {b: c}}
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(value), &doc); err != nil || len(doc.Content) == 0 {
			return errors.New("want YAML such as {name: {key: value}}")
		}
		node = doc.Content[0]
		if err := misfit("", node, l.of, strings.Join(l.path, ".")); err != nil {
			return err
		}
	}
	if err := fits(node, l.of); err != nil {
		return err
	}
	for i := len(l.path) - 1; i >= 0; i-- {
		key := &yaml.Node{Kind: yaml.ScalarNode, Value: l.path[i]}
		node = &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{key, node}}
	}
	return node.Decode(into)
}
