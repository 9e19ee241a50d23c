package local

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// Analyst is the account for people: it reads the tables and views that tokenwatch keeps, within limits, and nothing else.
// Neither files (the pepper is one) nor addresses can be reached through it, and nothing can be changed.
const Analyst = "analyst"

// analystProfile has the limits of the account. Clients bound a query's time by a setting (Grafana's and clickhouse-go do),
// so that one, and the rows, may be changed within bounds; no other setting may. Where processors are short, a question
// waits for what is being ingested, and not the other way round (where ClickHouse may set priorities: CAP_SYS_NICE).
const analystProfile = `    <%[5]s>
      <readonly>1</readonly>
      <max_read_buffer_size_local_fs>131072</max_read_buffer_size_local_fs>
      <os_threads_nice_value_query>5</os_threads_nice_value_query>
      <max_execution_time>60</max_execution_time>
      <timeout_overflow_mode>throw</timeout_overflow_mode>
      <max_rows_to_read>1000000000</max_rows_to_read>
      <read_overflow_mode>throw</read_overflow_mode>
      <constraints>
        <max_execution_time><min>1</min><max>300</max><changeable_in_readonly/></max_execution_time>
        <max_rows_to_read><min>1</min><max>10000000000</max><changeable_in_readonly/></max_rows_to_read>
      </constraints>
    </%[5]s>
`

const analystAccount = `    <%[5]s>
      <password_sha256_hex>%[6]s</password_sha256_hex>
      <networks><ip>%[3]s</ip></networks>
      <profile>%[5]s</profile>
      <quota>default</quota>
      <grants>
        <query>GRANT SELECT ON default.*</query>
      </grants>
    </%[5]s>
`

func (h home) analystPassword() string { return filepath.Join(string(h), "analyst-password") }

// hash is what ClickHouse keeps of a password.
func (s Secret) hash() string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// AnalystDSN is DSN for the account Analyst. It is a secret.
func (c *ClickHouse) AnalystDSN() string { return c.as(Analyst, c.analyst) }

func (c *ClickHouse) as(name string, password Secret) string {
	dsn := url.URL{Scheme: "clickhouse", User: url.UserPassword(name, password.Reveal()), Host: address(c.tcpPort), Path: "/default"}
	return dsn.String()
}

// RunningAnalyst is RunningClickHouse for the account Analyst. An error wraps fs.ErrNotExist when the tokenwatch that is
// running is older than the account.
func RunningAnalyst(dir string) (string, error) {
	dsn, err := RunningClickHouse(dir)
	if err != nil {
		return "", err
	}
	file, err := AnalystPasswordFile(dir)
	if err != nil {
		return "", err
	}
	password, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return "", err
	}
	u.User = url.UserPassword(Analyst, strings.TrimSpace(string(password)))
	return u.String(), nil
}

// AnalystPasswordFile is where the generated password of the account Analyst is kept.
func AnalystPasswordFile(dir string) (string, error) {
	folder, err := filepath.Abs(filepath.Join(dir, "clickhouse"))
	if err != nil {
		return "", err
	}
	return home(folder).analystPassword(), nil
}
