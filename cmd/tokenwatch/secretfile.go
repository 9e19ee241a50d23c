package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Every key that holds a secret can be given as a file that holds it: slack.token as slack.token_file, and in the
// environment TOKENWATCH_SLACK_TOKEN as TOKENWATCH_SLACK_TOKEN_FILE, as containers are given secrets. The file is read
// once, when the configuration is. A key that has a neighbour of that name of its own, which may mean more, keeps it.

// fileSuffix makes the name of a secret's file of the secret's.
const fileSuffix = "_file"

// maxSecret bounds what is read: a secret is no log file that somebody named by mistake.
const maxSecret = 64 << 10

// secret reports whether a key's type is one that hides what it holds.
func secret(t reflect.Type) bool {
	return t.Kind() == reflect.String && t.Implements(reflect.TypeFor[slog.LogValuer]())
}

// secretFiles puts in the place of every file of a secret, in a document, what the file holds.
func secretFiles(file string, node *yaml.Node, t reflect.Type, path string) error {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	within := func(child *yaml.Node, of reflect.Type, name string) error {
		return secretFiles(file, child, of, strings.TrimPrefix(path+"."+name, "."))
	}
	switch elem, named := entries(t); {
	case named && node.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if err := within(node.Content[i+1], elem, node.Content[i].Value); err != nil {
				return err
			}
		}
	case t.Kind() == reflect.Slice && keys(t.Elem()) != nil && node.Kind == yaml.SequenceNode:
		for i, item := range node.Content {
			if err := secretFiles(file, item, t.Elem(), fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
	case node.Kind == yaml.MappingNode:
		fields := keys(t)
		if err := secretsOf(file, node, fields, path); err != nil {
			return err
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			if field, known := fields[node.Content[i].Value]; known {
				if err := within(node.Content[i+1], field, node.Content[i].Value); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// secretsOf is secretFiles for the keys of one section.
func secretsOf(file string, node *yaml.Node, fields map[string]reflect.Type, path string) error {
	given := map[string]*yaml.Node{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		given[node.Content[i].Value] = node.Content[i+1]
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		name, isFile := secretOfFile(key.Value, fields)
		if !isFile {
			continue
		}
		at := strings.TrimPrefix(path+"."+key.Value, ".")
		refuse := func(err error) error { return fmt.Errorf("%s:%d: %s: %w", file, key.Line, at, err) }
		if value.Kind != yaml.ScalarNode {
			return refuse(errors.New("want the name of a file"))
		}
		if direct := given[name]; direct != nil && direct.Value != "" && value.Value != "" {
			return refuse(fmt.Errorf("%s is given too: keep one of them", strings.TrimSuffix(at, fileSuffix)))
		}
		text := ""
		if value.Value != "" {
			var err error
			if text, err = readSecret(value.Value); err != nil {
				return refuse(err)
			}
		}
		if direct := given[name]; direct != nil {
			if value.Value != "" {
				*direct = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text, Line: value.Line}
			}
			node.Content = append(node.Content[:i:i], node.Content[i+2:]...)
			i -= 2
			continue
		}
		key.Value = name
		node.Content[i+1] = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text, Line: value.Line}
	}
	return nil
}

// secretOfFile is the secret whose file a key names.
func secretOfFile(key string, fields map[string]reflect.Type) (name string, is bool) {
	name, is = strings.CutSuffix(key, fileSuffix)
	_, taken := fields[key]
	of, known := fields[name]
	return name, is && known && !taken && secret(of)
}

// readSecret reads a file that holds a secret, and nothing else but a line's end.
func readSecret(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", plainPath(err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", plainPath(err)
	}
	held := strings.TrimSpace(string(text))
	switch {
	case len(text) > maxSecret:
		return "", fmt.Errorf("%s: holds more than %d KiB; want a file with the secret alone", name, maxSecret>>10)
	case held == "":
		return "", fmt.Errorf("%s: is empty; want the secret in it", name)
	}
	return held, nil
}

// plainPath says of a file what is wrong with it, without the system call.
func plainPath(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return fmt.Errorf("%s: %w", path.Path, path.Err)
	}
	return err
}

// variables are all that the environment can set: every key, and the file of every secret.
func variables(t reflect.Type) map[string]leaf {
	all := map[string]leaf{}
	leaves(t, nil, all)
	for name, l := range maps.Clone(all) {
		of := name + strings.ToUpper(fileSuffix)
		if _, taken := all[of]; !taken && secret(l.of) {
			l.file = true
			all[of] = l
		}
	}
	return all
}

// givenTwice refuses a secret that the environment gives both as it is and as a file.
func givenTwice(environ []string, names map[string]leaf) error {
	given := map[string]bool{}
	for _, entry := range environ {
		if name, value, _ := strings.Cut(entry, "="); value != "" {
			given[name] = true
		}
	}
	for name := range given {
		if direct, isFile := strings.CutSuffix(name, strings.ToUpper(fileSuffix)); isFile && names[name].file && given[direct] {
			return fmt.Errorf("environment variable %s: %s is given too: keep one of them", name, direct)
		}
	}
	return nil
}
