package local

import (
	"encoding/xml"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// RunningClickHouse is the DSN of the ClickHouse that another process has started on the data in dir, whose
// StartClickHouse fails with ErrInUse. It is a secret: only who may read the folder gets it.
func RunningClickHouse(dir string) (string, error) {
	folder, err := filepath.Abs(filepath.Join(dir, "clickhouse"))
	if err != nil {
		return "", fmt.Errorf("find the data folder: %w", err)
	}
	h := home(folder)
	password, err := os.ReadFile(h.password())
	if err != nil {
		return "", fmt.Errorf("read the password of the ClickHouse that is running: %w", err)
	}
	text, err := os.ReadFile(h.config())
	if err != nil {
		return "", fmt.Errorf("find the port of the ClickHouse that is running: %w", err)
	}
	var s settings
	if err := xml.Unmarshal(text, &s); err != nil || s.TCPPort == 0 {
		return "", fmt.Errorf("find the port of the ClickHouse that is running: %s does not tell it: %w", h.config(), err)
	}
	dsn := url.URL{
		Scheme: "clickhouse", User: url.UserPassword(user, strings.TrimSpace(string(password))),
		Host: address(s.TCPPort), Path: "/default",
	}
	return dsn.String(), nil
}
