package kafka

import (
	"io"
	"sync"

	"github.com/pierrec/lz4/v4"
	"github.com/segmentio/kafka-go/compress"
	kafkalz4 "github.com/segmentio/kafka-go/compress/lz4"
)

// lz4Codec writes frames of blocks of 64 KiB, as Java's clients and librdkafka do. kafka-go's own writes blocks of 4 MiB: the
// producer keeps two of that size for each batch that is under way, and so does whoever reads them.
type lz4Codec struct {
	kafkalz4.Codec
	writers sync.Pool
}

func init() { compress.Codecs[compress.Lz4] = new(lz4Codec) }

// NewWriter implements compress.Codec.
func (c *lz4Codec) NewWriter(w io.Writer) io.WriteCloser {
	z, ok := c.writers.Get().(*lz4.Writer)
	if !ok {
		z = lz4.NewWriter(nil)
		if err := z.Apply(lz4.BlockSizeOption(lz4.Block64Kb)); err != nil {
			panic(err) // it is one of the sizes
		}
	}
	z.Reset(w)
	return &lz4Frame{z, c}
}

// lz4Frame is a writer that is given back when it is closed.
type lz4Frame struct {
	*lz4.Writer
	codec *lz4Codec
}

// Close ends the frame.
func (f *lz4Frame) Close() error {
	err := f.Writer.Close()
	f.Writer.Reset(nil)
	f.codec.writers.Put(f.Writer)
	return err
}
