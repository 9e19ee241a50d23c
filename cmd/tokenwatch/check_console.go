package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/tokenwatch/tokenwatch/alert/console/signin"
)

// tryConsole says where the console is, and how people sign in to it.
func (c Config) tryConsole(ctx context.Context) (string, error) {
	if c.Console.CertFile != "" {
		if _, err := tls.LoadX509KeyPair(c.Console.CertFile, c.Console.KeyFile); err != nil {
			return "", fmt.Errorf("console.cert_file, console.key_file: %w", err)
		}
	}
	door, err := signin.New(c.Console.Config)
	if err != nil {
		return "", err
	}
	if err := door.CheckProvider(ctx); err != nil {
		return "", fmt.Errorf("console.oidc.issuer: %w", err)
	}
	var ways []string
	switch {
	case c.Console.Unguarded():
		ways = append(ways, "admin with the password in "+filepath.Join(c.DataDir, consolePassword))
	case c.Console.Password != "":
		ways = append(ways, "admin with a password")
	}
	if n := len(c.Console.Users); n == 1 {
		ways = append(ways, "1 user with a password")
	} else if n > 1 {
		ways = append(ways, fmt.Sprintf("%d users with passwords", n))
	}
	if provider := door.Provider(); provider != "" {
		ways = append(ways, "everybody with a role at "+provider)
	}
	return fmt.Sprintf("%s, where %s can sign in", consoleURL(c.Console, c.Console.Listen), strings.Join(ways, ", ")), nil
}
