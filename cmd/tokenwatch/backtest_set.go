package main

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// loadWith reads a configuration with some of its keys set on the command line, which goes
// before file and environment.
func (p *process) loadWith(file string, set []string) (Config, error) {
	cfg := DefaultConfig()
	if err := load(file, p.environ, &cfg); err != nil {
		return cfg, err
	}
	if err := setKeys(set, &cfg); err != nil {
		return cfg, err
	}
	return cfg, cfg.Validate()
}

// setKeys sets keys as they are written in the file, section and all, to values as they are written
// there: detect.alert_nats=6.
func setKeys(pairs []string, into any) error {
	known := map[string]leaf{}
	for _, l := range allLeaves(into) {
		known[strings.Join(l.path, ".")] = l
	}
	for _, pair := range pairs {
		key, value, found := strings.Cut(pair, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if !found || key == "" {
			return errors.New("--set: want KEY=VALUE, such as detect.alert_nats=6")
		}
		l, ok := known[key]
		if !ok {
			if at := sectioned(key, known); at != "" {
				return fmt.Errorf("--set: unknown key %q (did you mean %q?)", key, at)
			}
			return fmt.Errorf("--set: %w", unknownKey(key, reflect.TypeOf(into).Elem()))
		}
		if kind := l.of.Kind(); value == "" && kind != reflect.String && kind != reflect.Slice && kind != reflect.Map {
			return fmt.Errorf("--set %s: there is no value; leave it out for what is configured", key)
		}
		if err := l.set(value, into); err != nil {
			return fmt.Errorf("--set %s: %w", key, withoutValue(err, value)) // it may be a secret
		}
	}
	return nil
}

// sectioned is the only key that ends like one that was named without its section; empty if there is none, or several.
func sectioned(key string, known map[string]leaf) (found string) {
	for name := range known {
		if strings.HasSuffix(name, "."+key) {
			if found != "" {
				return ""
			}
			found = name
		}
	}
	return found
}

func allLeaves(into any) map[string]leaf {
	names := map[string]leaf{}
	leaves(reflect.TypeOf(into).Elem(), nil, names)
	return names
}

// unknownKey says which part of a key there is none of.
func unknownKey(key string, t reflect.Type) error {
	at := ""
	for part := range strings.SplitSeq(key, ".") {
		fields := keys(t)
		if fields == nil {
			return fmt.Errorf("unknown key %q: %s is a value, no section", key, at)
		}
		field, known := fields[part]
		if !known {
			return fmt.Errorf("unknown key %q%s", key, suggestion(part, fields))
		}
		at, t = strings.TrimPrefix(at+"."+part, "."), field
	}
	return fmt.Errorf("%s is a section: name a key in it", key)
}
