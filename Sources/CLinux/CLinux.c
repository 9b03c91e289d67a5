#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(struct weir_event) == sizeof(struct epoll_event), "epoll_event layout");
_Static_assert(WEIR_IN == EPOLLIN && WEIR_OUT == EPOLLOUT && WEIR_ERROR == EPOLLERR, "epoll bits");
_Static_assert(WEIR_HANGUP == EPOLLHUP && WEIR_READ_HANGUP == EPOLLRDHUP, "epoll bits");
_Static_assert(WEIR_EXCLUSIVE == EPOLLEXCLUSIVE && WEIR_EDGE == EPOLLET, "epoll bits");

#define RESULT(call) ({ __typeof__(call) r_ = (call); r_ < 0 ? -errno : r_; })
#define RETRY(call) ({ __typeof__(call) r_; do r_ = (call); while (r_ < 0 && errno == EINTR); r_ < 0 ? -errno : r_; })

int weir_epoll_create(void) { return RESULT(epoll_create1(EPOLL_CLOEXEC)); }

static int control(int poller, int operation, int fd, uint32_t interest, uint64_t token) {
    struct epoll_event event = {.events = interest, .data.u64 = token};
    return RESULT(epoll_ctl(poller, operation, fd, &event));
}
int weir_epoll_add(int poller, int fd, uint32_t interest, uint64_t token) {
    return control(poller, EPOLL_CTL_ADD, fd, interest, token);
}
int weir_epoll_modify(int poller, int fd, uint32_t interest, uint64_t token) {
    return control(poller, EPOLL_CTL_MOD, fd, interest, token);
}
int weir_epoll_remove(int poller, int fd) { return control(poller, EPOLL_CTL_DEL, fd, 0, 0); }
int weir_epoll_wait(int poller, struct weir_event *events, int capacity, int timeout_ms) {
    int n = epoll_wait(poller, (struct epoll_event *)events, capacity, timeout_ms);
    if (n >= 0) return n;
    return errno == EINTR ? 0 : -errno;
}

int weir_eventfd(void) { return RESULT(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }
int weir_eventfd_signal(int fd) {
    uint64_t one = 1;
    return (int)RETRY(write(fd, &one, sizeof one));
}
int weir_eventfd_clear(int fd) {
    uint64_t value;
    return (int)RETRY(read(fd, &value, sizeof value));
}

int weir_signalfd(const int *signals, int count) {
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < count; i++) sigaddset(&set, signals[i]);
    int error = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (error) return -error;
    return RESULT(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}
int weir_signalfd_read(int fd) {
    struct signalfd_siginfo info;
    long n = RETRY(read(fd, &info, sizeof info));
    return n < 0 ? (int)n : (int)info.ssi_signo;
}
int weir_ignore_sigpipe(void) { return signal(SIGPIPE, SIG_IGN) == SIG_ERR ? -errno : 0; }

int weir_socket(int family, int type) { return RESULT(socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)); }
int weir_accept(int fd, struct sockaddr_storage *address) {
    socklen_t length = sizeof *address;
    return RESULT(accept4(fd, (struct sockaddr *)address, &length, SOCK_CLOEXEC | SOCK_NONBLOCK));
}
int weir_connect(int fd, const struct sockaddr_storage *address, socklen_t length) {
    return RESULT(connect(fd, (const struct sockaddr *)address, length));
}
int weir_bind(int fd, const struct sockaddr_storage *address, socklen_t length) {
    return RESULT(bind(fd, (const struct sockaddr *)address, length));
}
int weir_listen(int fd, int backlog) { return RESULT(listen(fd, backlog)); }
int weir_local_address(int fd, struct sockaddr_storage *address) {
    socklen_t length = sizeof *address;
    return RESULT(getsockname(fd, (struct sockaddr *)address, &length));
}
int weir_peer_address(int fd, struct sockaddr_storage *address) {
    socklen_t length = sizeof *address;
    return RESULT(getpeername(fd, (struct sockaddr *)address, &length));
}
int weir_set_option(int fd, int level, int option, int value) {
    return RESULT(setsockopt(fd, level, option, &value, sizeof value));
}
int weir_socket_error(int fd) {
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0) return errno;
    return error;
}
int weir_shutdown_write(int fd) { return RESULT(shutdown(fd, SHUT_WR)); }
int weir_close(int fd) { return RESULT(close(fd)); }

// The receive and the send of every request, as the kernel has them. The functions of the C library are
// cancellation points, which costs more than the rest of the call once there are threads; nobody cancels
// threads here. The thread sanitizer has to see the calls, and other processors have no need.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SEEN_CALLS 1
#endif
#endif
#if defined(__x86_64__) && !defined(SEEN_CALLS)
static inline long transfer(long number, long fd, const void *bytes, size_t count, long flags) {
    register long flags_ __asm__("r10") = flags;
    register long no_address __asm__("r8") = 0;
    register long no_length __asm__("r9") = 0;
    long result;
    do __asm__ volatile("syscall"
                        : "=a"(result)
                        : "a"(number), "D"(fd), "S"(bytes), "d"(count), "r"(flags_), "r"(no_address), "r"(no_length)
                        : "rcx", "r11", "memory");
    while (result == -EINTR);
    return result;
}
long weir_recv(int fd, void *buffer, size_t capacity) { return transfer(SYS_recvfrom, fd, buffer, capacity, 0); }
long weir_send(int fd, const void *bytes, size_t count) {
    return transfer(SYS_sendto, fd, bytes, count, MSG_NOSIGNAL);
}
#else
long weir_recv(int fd, void *buffer, size_t capacity) { return RETRY(recv(fd, buffer, capacity, 0)); }
long weir_send(int fd, const void *bytes, size_t count) { return RETRY(send(fd, bytes, count, MSG_NOSIGNAL)); }
#endif
long weir_peek(int fd, void *buffer, size_t capacity) {
    return RETRY(recv(fd, buffer, capacity, MSG_PEEK | MSG_DONTWAIT));
}
long weir_recv_from(int fd, void *buffer, size_t capacity, struct sockaddr_storage *address) {
    socklen_t length = sizeof *address;
    return RETRY(recvfrom(fd, buffer, capacity, 0, (struct sockaddr *)address, &length));
}
long weir_send_to(int fd, const void *bytes, size_t count,
                  const struct sockaddr_storage *address, socklen_t length) {
    return RETRY(sendto(fd, bytes, count, MSG_NOSIGNAL, (const struct sockaddr *)address, length));
}
long weir_send_pieces(int fd, const struct iovec *pieces, int count) {
    struct msghdr message = {.msg_iov = (struct iovec *)pieces, .msg_iovlen = (size_t)count};
    return RETRY(sendmsg(fd, &message, MSG_NOSIGNAL));
}
long weir_read(int fd, void *buffer, size_t capacity) { return RETRY(read(fd, buffer, capacity)); }
long weir_write(int fd, const void *bytes, size_t count) { return RETRY(write(fd, bytes, count)); }
long weir_splice(int from, int to, size_t count) {
    return RETRY(splice(from, NULL, to, NULL, count, SPLICE_F_MOVE | SPLICE_F_NONBLOCK));
}
int weir_pipe(int ends[2], int capacity) {
    int result = RESULT(pipe2(ends, O_CLOEXEC | O_NONBLOCK));
    if (result == 0 && capacity > 0) (void)fcntl(ends[0], F_SETPIPE_SZ, capacity);
    return result;
}

static uint64_t clock_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
uint64_t weir_monotonic_ns(void) { return clock_ns(CLOCK_MONOTONIC); }
uint64_t weir_wall_ns(void) { return clock_ns(CLOCK_REALTIME); }
void weir_utc(int64_t seconds, int32_t parts[7]) {
    struct tm t;
    time_t time = (time_t)seconds;
    gmtime_r(&time, &t);
    parts[0] = t.tm_year + 1900;
    parts[1] = t.tm_mon + 1;
    parts[2] = t.tm_mday;
    parts[3] = t.tm_hour;
    parts[4] = t.tm_min;
    parts[5] = t.tm_sec;
    parts[6] = t.tm_wday;
}

int weir_cpu_count(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) < 0) return 1;
    return CPU_COUNT(&set);
}
int weir_pin_thread(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return RESULT(sched_setaffinity(0, sizeof set, &set));
}
int weir_name_thread(const char *name) { return -pthread_setname_np(pthread_self(), name); }
int weir_raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
    return limit.rlim_max > INT32_MAX ? INT32_MAX : (int)limit.rlim_max;
}
int weir_open_read(const char *path) { return RESULT(open(path, O_RDONLY | O_CLOEXEC)); }
int weir_open_append(const char *path) {
    return RESULT(open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
}
int weir_random(void *buffer, size_t count) { return (int)RETRY(getrandom(buffer, count, 0)); }

static int map_address(const struct sockaddr *from, uint8_t *to, int is_mask) {
    if (from == NULL) return 0;
    if (from->sa_family == AF_INET) {
        memset(to, is_mask ? 0xff : 0, 12);
        if (!is_mask) to[10] = to[11] = 0xff;
        memcpy(to + 12, &((const struct sockaddr_in *)from)->sin_addr, 4);
        return 1;
    }
    if (from->sa_family == AF_INET6) {
        memcpy(to, &((const struct sockaddr_in6 *)from)->sin6_addr, 16);
        return 1;
    }
    return 0;
}
int weir_attached_networks(void (*visit)(void *context, const uint8_t *address, const uint8_t *mask), void *context) {
    struct ifaddrs *list, *entry;
    if (getifaddrs(&list) < 0) return -errno;
    int count = 0;
    for (entry = list; entry; entry = entry->ifa_next) {
        uint8_t address[16], mask[16];
        if (!entry->ifa_addr || !entry->ifa_netmask) continue;
        if (!map_address(entry->ifa_addr, address, 0)) continue;
        // A mask is of the family of its address; some C libraries leave its own family unset.
        struct sockaddr_storage typed;
        memcpy(&typed, entry->ifa_netmask, entry->ifa_addr->sa_family == AF_INET
                   ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
        typed.ss_family = entry->ifa_addr->sa_family;
        map_address((struct sockaddr *)&typed, mask, 1);
        visit(context, address, mask);
        count++;
    }
    freeifaddrs(list);
    return count;
}

int weir_option(int fd, int level, int option) {
    int value = 0;
    socklen_t length = sizeof value;
    return getsockopt(fd, level, option, &value, &length) < 0 ? -errno : value;
}
int weir_listening_family(int fd) {
    int listens = weir_option(fd, SOL_SOCKET, SO_ACCEPTCONN);
    if (listens < 0) return listens;
    return listens ? weir_option(fd, SOL_SOCKET, SO_DOMAIN) : -EINVAL;
}
int weir_channel(int ends[2]) {
    return RESULT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends));
}

int weir_memory_file(const char *name) { return RESULT(memfd_create(name, MFD_CLOEXEC)); }
int weir_replace_content(int fd, const void *bytes, size_t count) {
    if (ftruncate(fd, 0) < 0) return -errno;
    size_t written = 0;
    while (written < count) {
        long n = RETRY(pwrite(fd, (const char *)bytes + written, count - written, (off_t)written));
        if (n < 0) return (int)n;
        written += (size_t)n;
    }
    return 0;
}
long weir_read_at(int fd, void *buffer, size_t capacity, long offset) {
    return RETRY(pread(fd, buffer, capacity, offset));
}
int weir_close_on_exec(int fd) { return RESULT(fcntl(fd, F_SETFD, FD_CLOEXEC)); }
int weir_unblock(int fd) {
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 ? -errno : RESULT(fcntl(fd, F_SETFL, flags | O_NONBLOCK));
}
int weir_duplicate(int fd) { return RESULT(fcntl(fd, F_DUPFD_CLOEXEC, 3)); }
int weir_is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

int weir_spawn(const char *path, char *const arguments[], char *const environment[], const int *kept, int count) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int error = posix_spawn_file_actions_init(&actions);
    if (error) return -error;
    error = posix_spawnattr_init(&attributes);
    if (error) {
        posix_spawn_file_actions_destroy(&actions);
        return -error;
    }
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    // A duplicate onto itself stays open on exec.
    for (int i = 0; i < count && !error; i++) error = posix_spawn_file_actions_adddup2(&actions, kept[i], kept[i]);
    pid_t process = 0;
    if (!error) error = posix_spawn(&process, path, &actions, &attributes, arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return error ? -error : process;
}
int weir_reap(int process) {
    int status = 0;
    int ended = RETRY(waitpid(process, &status, WNOHANG));
    return ended <= 0 ? ended : status + 1;
}
int weir_kill(int process, int signal) { return RESULT(kill(process, signal)); }
int weir_process_number(void) { return getpid(); }
int weir_parent_number(void) { return getppid(); }
long weir_executable(char *path, size_t capacity) { return RESULT(readlink("/proc/self/exe", path, capacity)); }
