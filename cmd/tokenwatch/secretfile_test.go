package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func secretIn(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Every key that hides what it holds can be given as a file, in the document and in the environment.
func TestEverySecretHasAFile(t *testing.T) {
	file, n := secretIn(t, "sekret99\n"), 0
	for name, l := range variables(reflect.TypeFor[Config]()) {
		if !l.file {
			continue
		}
		n++
		cfg := DefaultConfig()
		if err := load("", []string{name + "=" + file}, &cfg); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		path := strings.Join(l.path, ".")
		if have := fmt.Sprint(reflect.ValueOf(values(reflect.ValueOf(cfg), nil)[path]).String()); have != "sekret99" {
			t.Errorf("%s set %s to %q", name, path, have)
		}
		text := l.path[len(l.path)-1] + "_file: " + file
		for _, section := range slices.Backward(l.path[:len(l.path)-1]) {
			text = section + ":\n  " + strings.ReplaceAll(text, "\n", "\n  ")
		}
		cfg = DefaultConfig()
		if err := load(write(t, text), nil, &cfg); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if have := reflect.ValueOf(values(reflect.ValueOf(cfg), nil)[path]).String(); have != "sekret99" {
			t.Errorf("%s set it to %q", text, have)
		}
	}
	if n < 15 {
		t.Errorf("%d secrets have files", n)
	}
}

// A key whose neighbour has the name already keeps what that means.
func TestSecretFileOfItsOwn(t *testing.T) {
	cfg := DefaultConfig()
	if err := load(write(t, "intake:\n  token_file: /run/tokens\n"), []string{"TOKENWATCH_KAFKA_SASL_TOKEN_FILE=/run/token"}, &cfg); err != nil {
		t.Fatal(err)
	}
	if cfg.Intake.TokenFile != "/run/tokens" || cfg.Kafka.SASL.TokenFile != "/run/token" {
		t.Errorf("%q, %q", cfg.Intake.TokenFile, cfg.Kafka.SASL.TokenFile)
	}
}

// The environment is stronger than the document, an empty name of a file is none, and spaces around a secret are not its.
func TestSecretFilePrecedence(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		env  string
		want string
	}{
		"the file in the environment before the key": {"slack: {token: from-key}", "TOKENWATCH_SLACK_TOKEN_FILE=" + secretIn(t, "  from-env \n"), "from-env"},
		"the key in the environment before the file": {"slack: {token_file: " + secretIn(t, "from-file") + "}", "TOKENWATCH_SLACK_TOKEN=from-env", "from-env"},
		"no name":             {"slack: {token: from-key, token_file: ''}", "TOKENWATCH_SLACK_TOKEN_FILE=", "from-key"},
		"beside an empty key": {"slack: {token: '', token_file: " + secretIn(t, "123") + "}", "A=b", "123"},
	} {
		cfg := DefaultConfig()
		if err := load(write(t, c.text), []string{c.env}, &cfg); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if have := cfg.Slack.Token.Reveal(); have != c.want {
			t.Errorf("%s: %q, want %q", name, have, c.want)
		}
	}
}

// What is wrong names the key, and never repeats the secret.
func TestBadSecretFiles(t *testing.T) {
	good, absent := secretIn(t, "sekret99"), filepath.Join(t.TempDir(), "none")
	for _, c := range []struct{ text, env, want string }{
		{"slack:\n  token_file: " + absent, "", "tokenwatch.yaml:2: slack.token_file: " + absent + ": no such file or directory"},
		{"slack:\n  token_file: " + t.TempDir(), "", ": is a directory"},
		{"slack:\n  token_file: " + secretIn(t, " \n"), "", ": is empty; want the secret in it"},
		{"slack:\n  token_file: " + secretIn(t, strings.Repeat("sekret99", 1<<14)), "", ": holds more than 64 KiB; want a file with the secret alone"},
		{"slack:\n  token: sekret99\n  token_file: " + good, "", "tokenwatch.yaml:3: slack.token_file: slack.token is given too: keep one of them"},
		{"slack:\n  token_file: [a, b]", "", "slack.token_file: want the name of a file"},
		{"slack:\n  channel_file: " + good, "", `unknown key "slack.channel_file"`},
		{"", "TOKENWATCH_SLACK_TOKEN_FILE=" + absent, "environment variable TOKENWATCH_SLACK_TOKEN_FILE: " + absent + ": no such file or directory"},
	} {
		cfg := DefaultConfig()
		err := load(write(t, c.text), []string{c.env}, &cfg)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "sekret99") {
			t.Errorf("%q %q: %v, want %q", c.text, c.env, err, c.want)
		}
	}
	cfg := DefaultConfig()
	err := load("", []string{"TOKENWATCH_SLACK_TOKEN=sekret99", "TOKENWATCH_SLACK_TOKEN_FILE=" + good}, &cfg)
	if err == nil || err.Error() != "environment variable TOKENWATCH_SLACK_TOKEN_FILE: TOKENWATCH_SLACK_TOKEN is given too: keep one of them" {
		t.Errorf("%v", err)
	}
	if strange := strangeEnv([]string{"TOKENWATCH_SLACK_TOKEN_FILE=x", "TOKENWATCH_SLACK_CHANNEL_FILE=x"}, &cfg); !slices.Equal(strange, []string{"TOKENWATCH_SLACK_CHANNEL_FILE"}) {
		t.Errorf("strange: %q", strange)
	}
}
