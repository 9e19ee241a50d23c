// Package tail follows log files as they are written, and hands whole lines on.
//
//	patterns ──scan──► follower (a file each) ──lines──► Deliver
//	                       │ position behind what was delivered
//	                       ▼
//	                   bookmark.Book
//
// A line is handed on once it is complete and is done with once Deliver returns, so a destination that is slow or
// away makes it wait: memory holds one chunk and the unfinished line of each file.
//
// Rotation. A file is known by its inode and first bytes, not by its name. A file that was renamed or deleted is read to
// its end, and for as long after as somebody may still write to it; the new file under its name is read from its start. What
// was rotated while nobody was reading (this process down, or held up) is found again beside the file, by inode, or by its
// first bytes where it was copied. A file that was truncated is read from its start. What cannot be found again, such as
// a rotated file that was compressed meanwhile, is reported.
//
// Every line is delivered exactly once as long as the process ends in order. After kill -9 those since the last
// saved position, at most a second and a chunk, are delivered again. Lines that a program writes between copying and truncating
// (logrotate's copytruncate) are nowhere any more: only rotation by renaming loses nothing.
package tail
