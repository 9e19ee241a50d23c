package ingest

import (
	"encoding/binary"
	"math/bits"
)

// sipKey is the key of a SipHash-2-4 with 128 bits (Aumasson and Bernstein, 2012): without
// the key nobody can find two inputs of one hash, nor tell an input from its hash.
type sipKey [2]uint64

func (k sipKey) sum(input []byte) (low, high uint64) {
	a, b, c, d := k[0]^0x736f6d6570736575, k[1]^0x646f72616e646f6d^0xee, k[0]^0x6c7967656e657261, k[1]^0x7465646279746573
	last := uint64(len(input))<<56 | rest(input)
	for ; len(input) >= 8; input = input[8:] {
		word := binary.LittleEndian.Uint64(input)
		d ^= word
		a, b, c, d = sipRound(sipRound(a, b, c, d))
		a ^= word
	}
	d ^= last
	a, b, c, d = sipRound(sipRound(a, b, c, d))
	a ^= last
	c ^= 0xee
	a, b, c, d = sipRound(sipRound(sipRound(sipRound(a, b, c, d))))
	low = a ^ b ^ c ^ d
	b ^= 0xdd
	a, b, c, d = sipRound(sipRound(sipRound(sipRound(a, b, c, d))))
	return low, a ^ b ^ c ^ d
}

// rest is what is left of the input behind its whole words.
func rest(input []byte) (word uint64) {
	left := len(input) % 8
	if left == len(input) {
		for i, char := range input {
			word |= uint64(char) << (8 * i)
		}
		return word
	}
	return binary.LittleEndian.Uint64(input[len(input)-8:]) >> (64 - 8*left) // nothing where nothing is left
}

// sipRound takes and gives values, which stay in registers.
func sipRound(a, b, c, d uint64) (uint64, uint64, uint64, uint64) {
	a += b
	c += d
	b = bits.RotateLeft64(b, 13) ^ a
	d = bits.RotateLeft64(d, 16) ^ c
	a = bits.RotateLeft64(a, 32) + d
	c += b
	d = bits.RotateLeft64(d, 21) ^ a
	b = bits.RotateLeft64(b, 17) ^ c
	return a, b, bits.RotateLeft64(c, 32), d
}
