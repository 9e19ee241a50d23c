package local

import (
	"encoding/xml"
	"fmt"
	"html"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// user is the account that tokenwatch logs in with.
const user = "tokenwatch"

// settings is ClickHouse's config.xml: modest, because the machine has other work than ClickHouse.
type settings struct {
	XMLName     xml.Name  `xml:"clickhouse"`
	Path        string    `xml:"path"`
	UsersConfig string    `xml:"users_config"`
	ListenHost  string    `xml:"listen_host"`
	TCPPort     int       `xml:"tcp_port"`
	HTTPPort    int       `xml:"http_port"`
	LogLevel    string    `xml:"log-level"`
	Logger      logger    `xml:"logger"`
	KeepAlive   int       `xml:"keep_alive_timeout"`
	MaxMemory   int64     `xml:"max_server_memory_usage"`
	MarkCache   int64     `xml:"mark_cache_size"`
	IndexCache  int64     `xml:"index_mark_cache_size"`
	BlockCache  int64     `xml:"uncompressed_cache_size"`
	Merges      int       `xml:"background_pool_size"`
	MergeNice   int       `xml:"os_threads_nice_value_merge_mutate"`
	Moves       int       `xml:"background_move_pool_size"`
	Fetches     int       `xml:"background_fetches_pool_size"`
	Common      int       `xml:"background_common_pool_size"`
	Schedule    int       `xml:"background_schedule_pool_size"`
	IOThreads   int       `xml:"max_io_thread_pool_size"`
	MergeTree   mergeTree `xml:"merge_tree"`
}

type logger struct {
	Log   string `xml:"log"`
	Size  string `xml:"size"`
	Count int    `xml:"count"`
}

// mergeTree fits thresholds, whose defaults assume a pool of 16, to ours.
type mergeTree struct {
	FreeForMutation int `xml:"number_of_free_entries_in_pool_to_execute_mutation"`
	FreeForLarge    int `xml:"number_of_free_entries_in_pool_to_lower_max_size_of_merge"`
	FreeForOptimize int `xml:"number_of_free_entries_in_pool_to_execute_optimize_entire_partition"`
}

func (h home) settings(tcpPort, httpPort int, maxMemory int64) settings {
	return settings{
		Path:        h.data(),
		UsersConfig: h.users(),
		ListenHost:  Loopback,
		TCPPort:     tcpPort,
		HTTPPort:    httpPort,
		LogLevel:    "warning",
		Logger:      logger{Log: h.log(), Size: "10M", Count: 3},
		KeepAlive:   2, // seconds; idle connections hold up a stop for as long
		MaxMemory:   maxMemory,
		MarkCache:   64 << 20,
		IndexCache:  16 << 20,
		BlockCache:  0,
		Merges:      2,
		MergeNice:   10, // whoever merges can wait; inserts, and detection beside them, cannot
		Moves:       1,
		Fetches:     1,
		Common:      2,
		Schedule:    8,
		IOThreads:   16,
		MergeTree:   mergeTree{FreeForMutation: 1, FreeForLarge: 1, FreeForOptimize: 1},
	}
}

// usersXML has three accounts. Tokenwatch's own may do everything and needs the password. The analyst's (analyst.go) may
// read what tokenwatch keeps. The third, default, is the one that clickhouse-local insists on logging in with, without a password, to run the opening query: it may
// do only what that query needs, and its single session is taken as long as ClickHouse runs, so nobody else on
// this machine can be default.
//
// What ClickHouse does of its own accord, merges above all, has the settings of the profile default, and reads 16 KiB at a time. A
// merge goes through its parts column by column, and of an inserted part, which is one file, a column has a few KiB
// every 8,192 rows: with ClickHouse's own 128 KiB a merge read seventeen times as much as there was. Questions have 128 KiB.
const usersXML = `<clickhouse>
  <profiles>
    <default>
      <async_insert>0</async_insert>
      <poll_interval>1</poll_interval>
      <max_read_buffer_size_local_fs>16384</max_read_buffer_size_local_fs>
    </default>
    <%[1]s>
      <profile>default</profile>
      <max_read_buffer_size_local_fs>131072</max_read_buffer_size_local_fs>
%[4]s    </%[1]s>
    <opening>
      <max_sessions_for_user>1</max_sessions_for_user>
    </opening>
` + analystProfile + `  </profiles>
  <users>
    <%[1]s>
      <password_sha256_hex>%[2]s</password_sha256_hex>
      <networks><ip>%[3]s</ip></networks>
      <profile>%[1]s</profile>
      <quota>default</quota>
      <access_management>1</access_management>
      <named_collection_control>1</named_collection_control>
    </%[1]s>
    <default>
      <no_password/>
      <networks><ip>%[3]s</ip></networks>
      <profile>opening</profile>
      <quota>default</quota>
      <grants>
        <query>GRANT SYSTEM LISTEN ON *.*</query>
        <query>GRANT CREATE TEMPORARY TABLE ON *.*</query>
        <query>GRANT READ ON FILE</query>
      </grants>
    </default>
` + analystAccount + `  </users>
  <quotas><default/></quotas>
</clickhouse>
`

// profileXML is what a profile has beside our own settings.
func profileXML(profile map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(profile)) {
		fmt.Fprintf(&b, "      <%[1]s>%[2]s</%[1]s>\n", name, html.EscapeString(profile[name]))
	}
	return b.String()
}

// openingQuery opens the listeners and then waits for the end of standard input, which comes when the parent
// closes it or dies in whatever way.
const openingQuery = "SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP; " +
	"SELECT count() FROM file('/dev/stdin', 'LineAsString') FORMAT Null"

// home is the folder that ClickHouse lives in, and the names of what it holds.
type home string

func (h home) data() string     { return filepath.Join(string(h), "data") }
func (h home) log() string      { return filepath.Join(string(h), "log", "clickhouse.log") }
func (h home) config() string   { return filepath.Join(string(h), "config.xml") }
func (h home) users() string    { return filepath.Join(string(h), "users.xml") }
func (h home) password() string { return filepath.Join(string(h), "password") }

// furnish writes both configuration files anew: they are made, not edited.
func (h home) furnish(config settings, profile map[string]string, password, analyst Secret) error {
	text, err := xml.MarshalIndent(config, "", "  ")
	if err != nil {
		return fmt.Errorf("encode ClickHouse's configuration: %w", err)
	}
	if err := writePrivate(h.config(), append(text, '\n')); err != nil {
		return fmt.Errorf("write ClickHouse's configuration: %w", err)
	}
	users := fmt.Sprintf(usersXML, user, password.hash(), Loopback, profileXML(profile), Analyst, analyst.hash())
	if err := writePrivate(h.users(), []byte(users)); err != nil {
		return fmt.Errorf("write ClickHouse's users: %w", err)
	}
	return nil
}
