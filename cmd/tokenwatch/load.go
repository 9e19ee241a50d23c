package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
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
	var doc yaml.Node
	if err := yaml.NewDecoder(f).Decode(&doc); errors.Is(err, io.EOF) {
		return nil // an empty file changes nothing
	} else if err != nil {
		return fmt.Errorf("%s: %w", file, plainer(err))
	}
	if err := unknownKey(file, doc.Content[0], reflect.TypeOf(into).Elem(), ""); err != nil {
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

// unknownKey walks the document beside the type and reports the first key that the type
// does not have, with the nearest one that it has.
func unknownKey(file string, node *yaml.Node, t reflect.Type, path string) error {
	fields := keys(t)
	if node.Kind != yaml.MappingNode || fields == nil {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		field, known := fields[key.Value]
		if !known {
			return fmt.Errorf("%s:%d: unknown key %q%s", file, key.Line, path+key.Value, suggestion(key.Value, fields))
		}
		if err := unknownKey(file, value, field, path+key.Value+"."); err != nil {
			return err
		}
	}
	return nil
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
	names := map[string]leaf{}
	leaves(reflect.TypeOf(into).Elem(), nil, names)
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		l, known := names[name]
		if !known {
			continue
		}
		if err := l.set(value, into); err != nil {
			// The value is not repeated: it may be a secret.
			return fmt.Errorf("environment variable %s: %w", name, withoutValue(err, value))
		}
	}
	return nil
}

func withoutValue(err error, value string) error {
	text := plainer(err).Error()
	if value != "" {
		text = strings.ReplaceAll(text, value, "…")
	}
	return errors.New(strings.TrimPrefix(text, "line 1: "))
}

// leaf is a key that holds a value rather than further keys.
type leaf struct {
	path []string
	kind reflect.Kind
}

func leaves(t reflect.Type, path []string, into map[string]leaf) {
	for name, field := range keys(t) {
		at := append(append([]string{}, path...), name)
		if keys(field) != nil {
			leaves(field, at, into)
			continue
		}
		into[envPrefix+strings.ToUpper(strings.Join(at, "_"))] = leaf{at, field.Kind()}
	}
}

// set decodes a small document that holds just this key, so that a value means the same
// in the environment as in the file.
func (l leaf) set(value string, into any) error {
	node := &yaml.Node{Kind: yaml.ScalarNode, Value: value}
	if l.kind == reflect.String {
		node.Tag = "!!str" // a password of digits is still a text
	}
	if l.kind == reflect.Slice {
		list := &yaml.Node{Kind: yaml.SequenceNode}
		for _, v := range strings.Split(value, ",") {
			if v = strings.TrimSpace(v); v != "" {
				list.Content = append(list.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: v})
			}
		}
		node = list
	}
	for i := len(l.path) - 1; i >= 0; i-- {
		key := &yaml.Node{Kind: yaml.ScalarNode, Value: l.path[i]}
		node = &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{key, node}}
	}
	return node.Decode(into)
}
