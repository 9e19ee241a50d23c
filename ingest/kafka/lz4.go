package kafka

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/pierrec/lz4/v4"
)

// lz4Frames is a source for lz4. It differs from the library's own reader of frames in that it decompresses from where the
// bytes are to where they are needed, and leaves checksums alone: that of the batch has covered every byte.
type lz4Frames struct {
	b     []byte // not read yet
	inner bool   // b is within a frame
	flags byte   // of the frame
	block int    // the largest block there may be in the frame
	dict  []byte // the end of the blocks before, when they depend on one another
}

const (
	lz4Magic     = 0x184D2204
	lz4Skippable = 0x184D2A50 // to ...5F: for purposes of others

	lz4Version     = 0xC0 // the bits of it; 0x40 is the only one there is
	lz4Independent = 1 << 5
	lz4BlockSums   = 1 << 4
	lz4ContentSize = 1 << 3
	lz4ContentSum  = 1 << 2
	lz4DictID      = 1 << 0

	lz4Stored  = 1 << 31 // the block is not compressed
	lz4History = 64 << 10
)

func (z *lz4Frames) reset(b []byte) { *z = lz4Frames{b: b, dict: z.dict[:0]} }

func (z *lz4Frames) more(dst []byte) ([]byte, error) {
	for {
		if !z.inner {
			if len(z.b) == 0 {
				return dst, io.EOF
			}
			if err := z.header(); err != nil {
				return dst, err
			}
			continue
		}
		word, err := z.word()
		if err != nil {
			return dst, err
		}
		if word != 0 {
			return z.one(dst, word)
		}
		z.inner = false
		if z.flags&lz4ContentSum != 0 {
			if _, err := z.word(); err != nil {
				return dst, err
			}
		}
	}
}

// header reads the beginning of a frame, or passes one that is to be skipped.
func (z *lz4Frames) header() error {
	magic, err := z.word()
	if err != nil {
		return err
	}
	if magic&^0xf == lz4Skippable {
		size, err := z.word()
		if err == nil {
			_, err = z.take(int(size))
		}
		return err
	}
	head, err := z.take(2)
	if err != nil {
		return err
	}
	z.flags = head[0]
	size := head[1] >> 4 & 7
	if magic != lz4Magic || z.flags&lz4Version != 0x40 || z.flags&lz4DictID != 0 || size < 4 {
		return fmt.Errorf("%w: not an lz4 frame", errCorrupt)
	}
	z.block = 1 << (8 + 2*size)
	extra := 1 // checksum of the header
	if z.flags&lz4ContentSize != 0 {
		extra += 8
	}
	z.inner, z.dict = true, z.dict[:0]
	_, err = z.take(extra)
	return err
}

// one appends a block.
func (z *lz4Frames) one(dst []byte, word uint32) ([]byte, error) {
	b, err := z.take(int(word &^ lz4Stored))
	if err == nil && z.flags&lz4BlockSums != 0 {
		_, err = z.word()
	}
	if err != nil {
		return dst, err
	}
	before := len(dst)
	if word&lz4Stored != 0 {
		dst = append(dst, b...)
	} else {
		// A byte gives 255 at most; frames may promise far larger blocks than they have.
		dst = room(dst, min(z.block, 255*len(b)+16))
		n, err := lz4.UncompressBlockWithDict(b, dst[before:min(cap(dst), before+z.block)], z.dict)
		if err != nil {
			return dst, fmt.Errorf("%w: %w", errCorrupt, err)
		}
		dst = dst[:before+n]
	}
	if z.flags&lz4Independent == 0 {
		z.dict = append(z.dict, dst[before:]...)
		if old := len(z.dict) - lz4History; old > 0 {
			z.dict = z.dict[:copy(z.dict, z.dict[old:])]
		}
	}
	return dst, nil
}

func (z *lz4Frames) word() (uint32, error) {
	b, err := z.take(4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

func (z *lz4Frames) take(n int) ([]byte, error) {
	if n > len(z.b) {
		return nil, fmt.Errorf("%w: an lz4 frame ends early", errCorrupt)
	}
	taken := z.b[:n]
	z.b = z.b[n:]
	return taken, nil
}
