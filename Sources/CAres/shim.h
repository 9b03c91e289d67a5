// c-ares behind five functions, so that one source compiles against old and new releases:
// types, defaults and deprecations differ between them, these functions do not.
#ifndef WEIR_CARES_H
#define WEIR_CARES_H

#include <ares.h>
#include <stddef.h>
#include <string.h>
#include <sys/time.h>

struct weir_dns_options {
    // Comma-separated `address:port`, IPv6 in brackets.
    const char *servers;
    int timeout_ms;
    int tries;
    int edns_bytes;
    int tcp_only;
    // SERVFAIL, NOTIMP and REFUSED make it ask the next server, and are not told.
    int skip_errors;
    // Called when a socket is to be watched; both zero: no longer.
    void (*watch)(void *owner, int fd, int readable, int writable);
    void *owner;
};

// Zero and a channel, or a code for `weir_dns_error`.
static inline int weir_dns_open(const struct weir_dns_options *wanted, struct ares_channeldata **channel) {
    struct ares_options options;
    int result = ares_library_init(ARES_LIB_INIT_ALL);
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_DOMAINS
        | ARES_OPT_EDNSPSZ | ARES_OPT_SOCK_STATE_CB | ARES_OPT_NOROTATE;
    if (result != ARES_SUCCESS) return result;
    memset(&options, 0, sizeof options);
    options.flags = ARES_FLAG_EDNS | ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_IGNTC;
    if (!wanted->skip_errors) options.flags |= ARES_FLAG_NOCHECKRESP;
    if (wanted->tcp_only) options.flags |= ARES_FLAG_USEVC;
    options.timeout = wanted->timeout_ms;
    options.tries = wanted->tries;
    options.ednspsz = wanted->edns_bytes;
    options.sock_state_cb = wanted->watch;
    options.sock_state_cb_data = wanted->owner;
#ifdef ARES_OPT_QUERY_CACHE
    // From 1.31 on answers are kept for their TTL, which Docker always says is ten minutes.
    mask |= ARES_OPT_QUERY_CACHE;
    options.qcache_max_ttl = 0;
#endif
    result = ares_init_options(channel, &options, mask);
    if (result != ARES_SUCCESS) return result;
    result = ares_set_servers_ports_csv(*channel, wanted->servers);
    if (result != ARES_SUCCESS) ares_destroy(*channel);
    return result;
}

// Calls every callback that still waits.
static inline void weir_dns_close(struct ares_channeldata *channel) { ares_destroy(channel); }

static inline void weir_dns_query(struct ares_channeldata *channel, const char *name, int type,
    void (*done)(void *query, int status, int timeouts, unsigned char *bytes, int count), void *query) {
    ares_query(channel, name, 1, type, done, query);
}

// Serves a socket that is ready (-1 for none), and all timeouts that are due.
static inline void weir_dns_process(struct ares_channeldata *channel, int readable, int writable) {
    ares_process_fd(channel, readable, writable);
}

// Milliseconds until a timeout is due; -1 when no query waits.
static inline int weir_dns_timeout(struct ares_channeldata *channel) {
    struct timeval left;
    if (ares_timeout(channel, NULL, &left) == NULL) return -1;
    return (int)(left.tv_sec * 1000 + (left.tv_usec + 999) / 1000);
}

// What a status without a response means, whatever the numbers of this release are.
enum weir_dns_failure {
    WEIR_DNS_TIMEOUT,
    WEIR_DNS_UNREACHABLE,
    WEIR_DNS_SERVER_FAILURE,
    WEIR_DNS_REFUSED,
    WEIR_DNS_MALFORMED,
    WEIR_DNS_OTHER,
};

static inline enum weir_dns_failure weir_dns_failure_of(int status) {
    switch (status) {
    case ARES_ETIMEOUT: return WEIR_DNS_TIMEOUT;
    case ARES_ECONNREFUSED: return WEIR_DNS_UNREACHABLE;
    case ARES_ESERVFAIL: return WEIR_DNS_SERVER_FAILURE;
    case ARES_EREFUSED: return WEIR_DNS_REFUSED;
    case ARES_EBADRESP: case ARES_EFORMERR: return WEIR_DNS_MALFORMED;
    default: return WEIR_DNS_OTHER;
    }
}

static inline const char *weir_dns_error(int status) { return ares_strerror(status); }

#endif
