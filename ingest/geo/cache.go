package geo

import (
	"encoding/binary"
	"net/netip"
	"sync/atomic"

	"github.com/tokenwatch/tokenwatch/schema"
)

// cache remembers places in a fixed number of slots. A key has one slot, and whoever was
// there before is forgotten: that bounds it whatever outsiders ask for, needs no lock, and
// costs one pointer a lookup.
type cache[K comparable] struct {
	slots []atomic.Pointer[remembered[K]]
}

type remembered[K comparable] struct {
	key   K
	place schema.Place
}

// newCache makes a cache of size slots, a power of two.
func newCache[K comparable](size int) *cache[K] {
	return &cache[K]{slots: make([]atomic.Pointer[remembered[K]], size)}
}

func (c *cache[K]) slot(hash uint64) *atomic.Pointer[remembered[K]] {
	return &c.slots[hash&uint64(len(c.slots)-1)]
}

func (c *cache[K]) get(hash uint64, key K) *schema.Place {
	if found := c.slot(hash).Load(); found != nil && found.key == key {
		return &found.place
	}
	return nil
}

func (c *cache[K]) put(hash uint64, key K, place schema.Place) {
	c.slot(hash).Store(&remembered[K]{key: key, place: place})
}

func hashAddr(ip netip.Addr) uint64 {
	b := ip.As16()
	return mix(binary.LittleEndian.Uint64(b[:8]) ^ mix(binary.LittleEndian.Uint64(b[8:])))
}

// mix spreads a number over all its bits (the finalizer of SplitMix64).
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
