package chdb

// DisarmImage disarms the library that lies at base.
var DisarmImage = disarm

// Holding is the library that an address lies in.
func Holding(address uintptr) Library { return Library{address} }
