// A replica of an application, for tests with a real Docker Engine: one small static program that
// behaves like the good and the bad applications of the world, by choice.
//
// It writes a journal, one line per event, into a folder that outlives its container. A replica
// that is gone cannot be asked what it did, and what it did is what the tests must know: which
// orders it executed, and whether it was ever given a request meant for another service.
//
// Settings (environment): SERVICE, PORT, ECHO_PORT, JOURNAL (folder), LISTEN_DELAY_MS, ON_TERMINATE
// (exit | finish | serve | ignore), SERVE_MS (how long `serve` goes on).
//
// Signals: SIGTERM as ON_TERMINATE says. SIGUSR1 makes it a bad replica, which answers every
// request but /healthz with 500; SIGUSR2 makes /healthz ask for a drain. Each again turns it back.
//
//   GET  /healthz        200, not in the journal; 503 with Weir-Drain: 1 after SIGUSR2
//   GET  /               the service and the replica
//   GET  /big            250,000 bytes
//   GET  /slow?ms=N      answers after N ms
//   POST /order?id=X     executes the order X once its body is complete; ms=N makes it take time
//   GET  /echo           with Upgrade: websocket: sends every message back
//
// ECHO_PORT (7000) takes raw TCP: says the replica's name on a line, then sends every byte back.
// A replica that stops by itself ends its WebSockets with 1001 and its TCP connections with FIN.
//
// A request whose X-Expected-Service names another service is journalled as `wrong`.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <nettle/base64.h>
#include <nettle/sha1.h>

enum { REQUEST_LIMIT = 16 * 1024, BIG_BODY = 250 * 1000 };

static const char *service = "app";
static char replica[64];
static int journal = -1;
static char big_body[BIG_BODY];

// Readable from the moment on when the replica stops; never drained, so that it wakes every thread.
static int stopping[2];
static atomic_bool is_stopping;
static atomic_bool is_bad;
static atomic_bool asks_for_drain;
static atomic_int connections;

struct request {
    char method[8];
    char target[512];
    char expected[64];
    char websocket_key[64];
    size_t body;
    bool close;
    bool chunked;
};

struct connection {
    int socket;
    size_t filled;
    char input[REQUEST_LIMIT + 1];
};

// MARK: the journal

static void record(const char *event, const char *detail) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    char line[768];
    int length = snprintf(line, sizeof line, "%lld.%09ld %s %s %s %s\n", (long long)now.tv_sec,
                          now.tv_nsec, service, replica, event, detail);
    if (journal >= 0 && length > 0 && write(journal, line, (size_t)length) != length)
        perror("journal");
}

static void open_journal(const char *folder) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s-%s", folder, service, replica);
    journal = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (journal < 0) perror(path);
}

// MARK: bytes

static void sleep_ms(long ms) {
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&left, &left) == -1 && errno == EINTR) {}
}

static bool send_all(int socket, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t sent = send(socket, bytes, count, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        bytes += sent;
        count -= (size_t)sent;
    }
    return true;
}

// Waits for bytes; an idle connection of a stopping replica ends instead.
static bool receive(struct connection *c, bool idle) {
    struct pollfd waits[2] = {{c->socket, POLLIN, 0}, {stopping[0], POLLIN, 0}};
    do {
        if (poll(waits, idle ? 2 : 1, -1) < 0 && errno != EINTR) return false;
    } while (!waits[0].revents && !waits[1].revents);
    if (!waits[0].revents) return false;
    ssize_t count = recv(c->socket, c->input + c->filled, REQUEST_LIMIT - c->filled, 0);
    if (count <= 0) return false;
    c->filled += (size_t)count;
    c->input[c->filled] = 0;
    return true;
}

static void consume(struct connection *c, size_t count) {
    memmove(c->input, c->input + count, c->filled - count);
    c->filled -= count;
    c->input[c->filled] = 0;
}

// MARK: requests

static void copy_value(char *into, size_t size, const char *value) {
    size_t length = strcspn(value, "\r\n");
    snprintf(into, size, "%.*s", (int)length, value);
}

static const char *after_name(const char *line, const char *name) {
    size_t length = strlen(name);
    if (strncasecmp(line, name, length) != 0 || line[length] != ':') return NULL;
    const char *value = line + length + 1;
    return value + strspn(value, " \t");
}

static void read_field(struct request *r, const char *line) {
    const char *value;
    if ((value = after_name(line, "Content-Length"))) r->body = strtoul(value, NULL, 10);
    if ((value = after_name(line, "Connection"))) r->close = strncasecmp(value, "close", 5) == 0;
    if ((value = after_name(line, "Transfer-Encoding"))) r->chunked = true;
    if ((value = after_name(line, "X-Expected-Service")))
        copy_value(r->expected, sizeof r->expected, value);
    if ((value = after_name(line, "Sec-WebSocket-Key")))
        copy_value(r->websocket_key, sizeof r->websocket_key, value);
}

static bool parse(struct request *r, const char *head) {
    *r = (struct request){0};
    if (sscanf(head, "%7s %511s HTTP/1.", r->method, r->target) != 2) return false;
    const char *line = strstr(head, "\r\n");
    for (; line && line[2] != '\r'; line = strstr(line + 2, "\r\n")) read_field(r, line + 2);
    return true;
}

// Reads one request with its body, which is thrown away.
static bool read_request(struct connection *c, struct request *r) {
    char *end;
    while (!(end = strstr(c->input, "\r\n\r\n")))
        if (c->filled == REQUEST_LIMIT || !receive(c, c->filled == 0)) return false;
    if (!parse(r, c->input)) return false;
    consume(c, (size_t)(end + 4 - c->input));
    size_t left = r->body;
    while (left > 0) {
        size_t present = c->filled < left ? c->filled : left;
        consume(c, present);
        left -= present;
        if (left > 0 && !receive(c, false)) return false;
    }
    return true;
}

static long parameter(const struct request *r, const char *name, char *text, size_t size) {
    char key[16];
    snprintf(key, sizeof key, "%s=", name);
    const char *query = strchr(r->target, '?');
    const char *found = query ? strstr(query, key) : NULL;
    const char *value = found ? found + strlen(key) : "";
    if (text) snprintf(text, size, "%.*s", (int)strcspn(value, "&"), value);
    return strtol(value, NULL, 10);
}

static bool path_is(const struct request *r, const char *path) {
    size_t length = strcspn(r->target, "?");
    return length == strlen(path) && strncmp(r->target, path, length) == 0;
}

// MARK: answers

static bool answer(struct connection *c, struct request *r, int status, const char *body,
                   size_t size) {
    if (atomic_load(&is_stopping)) r->close = true;
    char head[1024];
    int length = snprintf(head, 512,
                          "HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                          "X-Service: %s\r\nX-Replica: %s\r\n%s%s\r\n",
                          status, status == 200 ? "OK" : "Refused", size, service, replica,
                          status == 503 ? "Weir-Drain: 1\r\n" : "",
                          r->close ? "Connection: close\r\n" : "");
    // A short answer leaves whole: nobody can be killed in the middle of it.
    if (size > sizeof head - 512)
        return send_all(c->socket, head, (size_t)length) && send_all(c->socket, body, size);
    memcpy(head + length, body, size);
    return send_all(c->socket, head, (size_t)length + size);
}

static bool answer_text(struct connection *c, struct request *r, const char *format, ...) {
    char body[256];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(body, sizeof body, format, arguments);
    va_end(arguments);
    return answer(c, r, 200, body, (size_t)length);
}

static bool answer_big(struct connection *c, struct request *r) {
    return answer(c, r, 200, big_body, sizeof big_body);
}

static bool execute_order(struct connection *c, struct request *r) {
    char id[64];
    parameter(r, "id", id, sizeof id);
    record("order", id);
    sleep_ms(parameter(r, "ms", NULL, 0));
    return answer_text(c, r, "%s\n", id);
}

// MARK: WebSocket (RFC 6455): short messages only, sent back as they came

static bool accept_upgrade(struct connection *c, const struct request *r) {
    struct sha1_ctx hash;
    uint8_t digest[SHA1_DIGEST_SIZE];
    char accepted[BASE64_ENCODE_RAW_LENGTH(SHA1_DIGEST_SIZE) + 1] = {0};
    sha1_init(&hash);
    sha1_update(&hash, strlen(r->websocket_key), (const uint8_t *)r->websocket_key);
    sha1_update(&hash, 36, (const uint8_t *)"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    sha1_digest(&hash, sizeof digest, digest);
    base64_encode_raw(accepted, sizeof digest, digest);
    char head[256];
    int length = snprintf(head, sizeof head,
                          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nX-Replica: %s\r\n"
                          "Sec-WebSocket-Accept: %s\r\n\r\n",
                          replica, accepted);
    return send_all(c->socket, head, (size_t)length);
}

static bool go_away(struct connection *c) {
    if (atomic_load(&is_stopping)) send_all(c->socket, "\x88\x02\x03\xe9", 4);
    return false;
}

static bool echo_message(struct connection *c) {
    while (c->filled < 6 || c->filled < 6u + (c->input[1] & 0x7f))
        if (!receive(c, true)) return go_away(c);
    uint8_t *frame = (uint8_t *)c->input;
    size_t length = frame[1] & 0x7f;
    if (length > 125 || !(frame[1] & 0x80)) return false;
    char reply[2 + 125] = {(char)frame[0], (char)length};
    for (size_t i = 0; i < length; i++) reply[2 + i] = (char)(frame[6 + i] ^ frame[2 + i % 4]);
    bool closing = (frame[0] & 0x0f) == 8;
    consume(c, 6 + length);
    return send_all(c->socket, reply, 2 + length) && !closing;
}

// MARK: serving

// What a probe asks is not the request of a client and is not noted.
static void note_request(const struct request *r) {
    record("request", r->target);
    if (r->expected[0] && strcmp(r->expected, service) != 0) record("wrong", r->expected);
}

static bool serve_request(struct connection *c, struct request *r) {
    if (path_is(r, "/healthz"))
        return atomic_load(&asks_for_drain) ? answer(c, r, 503, "", 0)
                                            : answer_text(c, r, "well\n");
    note_request(r);
    if (atomic_load(&is_bad)) return answer(c, r, 500, "", 0);
    if (r->chunked) return answer(c, r, 411, "", 0), false;
    if (path_is(r, "/")) return answer_text(c, r, "%s %s\n", service, replica);
    if (path_is(r, "/big")) return answer_big(c, r);
    if (path_is(r, "/order") && strcmp(r->method, "POST") == 0) return execute_order(c, r);
    if (path_is(r, "/slow")) {
        sleep_ms(parameter(r, "ms", NULL, 0));
        return answer_text(c, r, "%s %s\n", service, replica);
    }
    return answer(c, r, 404, "", 0);
}

// The client's bytes that nobody will read must not turn the last answer into a reset.
static void *end_connection(struct connection *c) {
    shutdown(c->socket, SHUT_WR);
    struct pollfd rest = {c->socket, POLLIN, 0};
    while (poll(&rest, 1, 100) > 0 && recv(c->socket, c->input, REQUEST_LIMIT, 0) > 0) {}
    close(c->socket);
    free(c);
    atomic_fetch_sub(&connections, 1);
    return NULL;
}

static void *serve_echo(void *argument) {
    struct connection *c = argument;
    char name[80];
    int length = snprintf(name, sizeof name, "%s\n", replica);
    record("tunnel", "");
    if (send_all(c->socket, name, (size_t)length))
        while (receive(c, true) && send_all(c->socket, c->input, c->filled)) c->filled = 0;
    return end_connection(c);
}

static void *serve(void *argument) {
    struct connection *c = argument;
    struct request r;
    while (read_request(c, &r)) {
        if (path_is(&r, "/echo") && r.websocket_key[0]) {
            note_request(&r);
            if (accept_upgrade(c, &r))
                while (echo_message(c)) {}
            break;
        }
        if (!serve_request(c, &r) || r.close) break;
    }
    return end_connection(c);
}

static bool accept_one(int listener, void *(*serving)(void *), pthread_attr_t *detached) {
    int socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (socket < 0) return errno == EINTR || errno == ECONNABORTED;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    struct connection *c = calloc(1, sizeof *c);
    c->socket = socket;
    atomic_fetch_add(&connections, 1);
    pthread_t thread;
    if (pthread_create(&thread, detached, serving, c) == 0) return true;
    atomic_fetch_sub(&connections, 1);
    close(socket);
    free(c);
    return true;
}

// MARK: the end

static void stop_gracefully(long after) {
    sleep_ms(after);
    atomic_store(&is_stopping, true);
    if (write(stopping[1], "x", 1) != 1) _exit(1);
}

static sigset_t all_signals(void) {
    sigset_t all;
    sigemptyset(&all);
    sigaddset(&all, SIGTERM);
    sigaddset(&all, SIGUSR1);
    sigaddset(&all, SIGUSR2);
    return all;
}

static void *wait_for_signal(void *argument) {
    const char *mode = argument;
    sigset_t awaited = all_signals();
    for (int number; sigwait(&awaited, &number) == 0;) {
        if (number == SIGUSR1) atomic_store(&is_bad, !atomic_load(&is_bad));
        if (number == SIGUSR2) atomic_store(&asks_for_drain, !atomic_load(&asks_for_drain));
        if (number != SIGTERM) continue;
        record("terminate", mode);
        if (strcmp(mode, "exit") == 0) _exit(0);
        const char *length = getenv("SERVE_MS");
        if (strcmp(mode, "serve") == 0) stop_gracefully(length ? atol(length) : 1500);
        if (strcmp(mode, "finish") == 0) stop_gracefully(0);
    }
    return NULL;
}

static int listen_on(uint16_t port) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(listener, (struct sockaddr *)&any, sizeof any) == 0 && listen(listener, 1024) == 0)
        return listener;
    perror("listen");
    exit(1);
}

static void accept_until_stopped(int listener, int echo) {
    pthread_attr_t detached;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    struct pollfd waits[3] = {{listener, POLLIN, 0}, {echo, POLLIN, 0}, {stopping[0], POLLIN, 0}};
    while (!atomic_load(&is_stopping)) {
        if (poll(waits, 3, -1) <= 0) continue;
        if (waits[0].revents) accept_one(listener, serve, &detached);
        if (waits[1].revents) accept_one(echo, serve_echo, &detached);
    }
    // What the kernel has already accepted for us is ours to answer.
    while (accept_one(listener, serve, &detached)) {}
    while (accept_one(echo, serve_echo, &detached)) {}
    close(listener);
    close(echo);
    record("closed", "listener");
}

static uint16_t port_in(const char *name, uint16_t otherwise) {
    return getenv(name) ? (uint16_t)atoi(getenv(name)) : otherwise;
}

int main(void) {
    sigset_t awaited = all_signals();
    pthread_sigmask(SIG_BLOCK, &awaited, NULL);
    if (getenv("SERVICE")) service = getenv("SERVICE");
    gethostname(replica, sizeof replica - 1);
    if (getenv("JOURNAL")) open_journal(getenv("JOURNAL"));
    if (pipe2(stopping, O_CLOEXEC) != 0) return 1;
    memset(big_body, 'w', sizeof big_body);
    const char *mode = getenv("ON_TERMINATE");
    pthread_t signals;
    if (pthread_create(&signals, NULL, wait_for_signal, (void *)(mode ? mode : "finish"))) return 1;

    record("start", mode ? mode : "finish");
    if (getenv("LISTEN_DELAY_MS")) sleep_ms(atol(getenv("LISTEN_DELAY_MS")));
    int echo = listen_on(port_in("ECHO_PORT", 7000));
    int listener = listen_on(port_in("PORT", 8080));
    record("listen", "");
    accept_until_stopped(listener, echo);
    while (atomic_load(&connections) > 0) sleep_ms(2);
    record("exit", "");
    return 0;
}
