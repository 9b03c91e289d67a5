// System calls that Swift's Glibc module lacks or imports awkwardly.
// Every function returns a value of zero or more, or the negated errno.
#ifndef WEIR_CLINUX_H
#define WEIR_CLINUX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

// One event as epoll_wait delivers it; the layout is the kernel's (packed on x86-64).
#if defined(__x86_64__)
#define WEIR_PACKED __attribute__((packed))
#else
#define WEIR_PACKED
#endif
struct weir_event {
    uint32_t ready;
    uint64_t token;
} WEIR_PACKED;

#define WEIR_IN 0x001u
#define WEIR_OUT 0x004u
#define WEIR_ERROR 0x008u
#define WEIR_HANGUP 0x010u
#define WEIR_READ_HANGUP 0x2000u
#define WEIR_EXCLUSIVE (1u << 28)
#define WEIR_EDGE (1u << 31)

int weir_epoll_create(void);
int weir_epoll_add(int poller, int fd, uint32_t interest, uint64_t token);
int weir_epoll_modify(int poller, int fd, uint32_t interest, uint64_t token);
int weir_epoll_remove(int poller, int fd);
int weir_epoll_wait(int poller, struct weir_event *events, int capacity, int timeout_ms);

int weir_eventfd(void);
int weir_eventfd_signal(int fd);
int weir_eventfd_clear(int fd);

// A descriptor that delivers the listed signals, which are blocked in this and all later threads.
int weir_signalfd(const int *signals, int count);
int weir_signalfd_read(int fd);
int weir_ignore_sigpipe(void);

int weir_socket(int family, int type);
int weir_accept(int fd, struct sockaddr_storage *address);
int weir_connect(int fd, const struct sockaddr_storage *address, socklen_t length);
int weir_bind(int fd, const struct sockaddr_storage *address, socklen_t length);
int weir_listen(int fd, int backlog);
int weir_local_address(int fd, struct sockaddr_storage *address);
int weir_peer_address(int fd, struct sockaddr_storage *address);
int weir_set_option(int fd, int level, int option, int value);
int weir_option(int fd, int level, int option);
// The family of a bound or listening stream socket; -ENOTSOCK for anything else.
int weir_listening_family(int fd);
// Whole messages between two processes, one descriptor for each.
int weir_channel(int ends[2]);
int weir_socket_error(int fd);
int weir_shutdown_write(int fd);
int weir_close(int fd);

long weir_recv(int fd, void *buffer, size_t capacity);
long weir_peek(int fd, void *buffer, size_t capacity);
long weir_recv_from(int fd, void *buffer, size_t capacity, struct sockaddr_storage *address);
long weir_send(int fd, const void *bytes, size_t count);
long weir_send_to(int fd, const void *bytes, size_t count,
                  const struct sockaddr_storage *address, socklen_t length);
// Gather-send of up to 64 pieces, without SIGPIPE.
long weir_send_pieces(int fd, const struct iovec *pieces, int count);
long weir_read(int fd, void *buffer, size_t capacity);
long weir_write(int fd, const void *bytes, size_t count);
long weir_splice(int from, int to, size_t count);
int weir_pipe(int ends[2], int capacity);

// Nanoseconds; the monotonic clock, and the wall clock since 1970.
uint64_t weir_monotonic_ns(void);
uint64_t weir_wall_ns(void);
// Formats wall seconds as local-independent UTC parts: year, month, day, hour, minute, second, weekday.
void weir_utc(int64_t seconds, int32_t parts[7]);

int weir_cpu_count(void);
int weir_pin_thread(int cpu);
int weir_name_thread(const char *name);
int weir_raise_descriptor_limit(void);
int weir_open_read(const char *path);
int weir_open_append(const char *path);
int weir_random(void *buffer, size_t count);

// What one process hands to the next: a file in memory, and descriptors that stay open on exec.
int weir_memory_file(const char *name);
int weir_replace_content(int fd, const void *bytes, size_t count);
long weir_read_at(int fd, void *buffer, size_t capacity, long offset);
int weir_close_on_exec(int fd);
int weir_unblock(int fd);
int weir_duplicate(int fd);
int weir_is_open(int fd);

// Starts a program with fresh signals; of the descriptors from 3 on it has those in `kept`, under their numbers.
int weir_spawn(const char *path, char *const arguments[], char *const environment[], const int *kept, int count);
// Zero while the process runs; else one more than what waitpid says.
int weir_reap(int process);
int weir_kill(int process, int signal);
int weir_process_number(void);
int weir_parent_number(void);
long weir_executable(char *path, size_t capacity);

// Networks directly attached to this host: calls `visit` with address and mask (16 bytes each, IPv4 mapped).
int weir_attached_networks(void (*visit)(void *context, const uint8_t *address, const uint8_t *mask), void *context);

#endif
