package local

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// DefaultDataDir is where the engines keep their data when nothing else is said.
const DefaultDataDir = "tokenwatch-data"

// Engines that can run the embedded ClickHouse.
const (
	EngineAuto    = "auto"    // a new enough clickhouse on the PATH, else the library
	EngineBinary  = "binary"  // the clickhouse on the PATH
	EngineLibrary = "library" // libchdb
)

// minMemory is what ClickHouse needs to merge and answer at all.
const minMemory = 512 << 20

// ClickHouseConfig says where the embedded ClickHouse keeps its data and where it listens.
type ClickHouseConfig struct {
	// Dir is the data folder of tokenwatch; ClickHouse takes the folder clickhouse in it. Created when missing.
	Dir string `yaml:"-"`
	// TCPPort is the port of the native protocol on 127.0.0.1. 0 takes any free one.
	TCPPort int `yaml:"tcp_port"`
	// HTTPPort is the port of the HTTP interface on 127.0.0.1. 0 takes any free one.
	HTTPPort int `yaml:"http_port"`
	// MaxMemory bounds what ClickHouse may use in all, in bytes: at least 512 MiB.
	MaxMemory int64 `yaml:"max_memory"`
	// Engine is auto, binary or library: a clickhouse on the PATH, libchdb, or whichever is there in this order.
	Engine string `yaml:"engine"`
	// Library is the path of libchdb.so. Empty lets FindAssets look for it.
	Library string `yaml:"library"`
	// Profile holds settings that tokenwatch's sessions have from their beginning, such as readonly. For tests of
	// what a server does whose operator restricts it.
	Profile map[string]string `yaml:"-"`
}

// DefaultClickHouseConfig listens on 19000 and 18123, beside a ClickHouse that may run on its usual ports.
func DefaultClickHouseConfig() ClickHouseConfig {
	return ClickHouseConfig{
		Dir:       DefaultDataDir,
		TCPPort:   19000,
		HTTPPort:  18123,
		MaxMemory: 2 << 30,
		Engine:    EngineAuto,
	}
}

// Validate reports everything that is wrong, by the names of the keys.
func (c ClickHouseConfig) Validate() error {
	var wrong []error
	if c.Dir == "" {
		wrong = append(wrong, errors.New("data_dir: must not be empty"))
	}
	wrong = append(wrong, validPort(c.TCPPort, KeyClickHouseTCP), validPort(c.HTTPPort, KeyClickHouseHTTP))
	if c.TCPPort != 0 && c.TCPPort == c.HTTPPort {
		wrong = append(wrong, fmt.Errorf("%s: %d is also %s; they must differ", KeyClickHouseHTTP, c.HTTPPort, KeyClickHouseTCP))
	}
	if c.MaxMemory < minMemory {
		wrong = append(wrong, fmt.Errorf("clickhouse.max_memory: %d bytes is too little; ClickHouse needs %d", c.MaxMemory, minMemory))
	}
	switch c.Engine {
	case EngineAuto, EngineBinary, EngineLibrary:
	default:
		wrong = append(wrong, fmt.Errorf("clickhouse.engine: %q is none of auto, binary, library", c.Engine))
	}
	return errors.Join(wrong...)
}

// KafkaConfig says where the embedded broker keeps its data and where it listens.
type KafkaConfig struct {
	// Dir is the data folder of tokenwatch; the broker takes the folder kafka in it. Created when missing.
	Dir string `yaml:"-"`
	// Port is the broker's port on 127.0.0.1. 0 takes any free one.
	Port int `yaml:"port"`
	// SyncWrites flushes every batch to the disk before it is acknowledged, so that a power cut loses nothing
	// either. It costs a disk flush a batch.
	SyncWrites bool `yaml:"sync_writes"`
	// Log hears when the broker cannot write. Nil keeps it quiet.
	Log *slog.Logger `yaml:"-"`
	// Advertise is the host and port that clients are told to come to, when that is not the broker's own: that of
	// a proxy in front of it. For tests.
	Advertise string `yaml:"-"`
	// MinSession is the shortest session that a member of a group may ask for; 0 is Kafka's own default, 6 s.
	MinSession time.Duration `yaml:"-"`
}

// DefaultKafkaConfig listens on 19092, beside a Kafka that may run on its usual port.
func DefaultKafkaConfig() KafkaConfig {
	return KafkaConfig{Dir: DefaultDataDir, Port: 19092}
}

// Validate reports everything that is wrong, by the names of the keys.
func (c KafkaConfig) Validate() error {
	var wrong []error
	if c.Dir == "" {
		wrong = append(wrong, errors.New("data_dir: must not be empty"))
	}
	return errors.Join(append(wrong, validPort(c.Port, KeyKafka))...)
}
