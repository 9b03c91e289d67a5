#include "internal.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>

// One key: 16 bytes of name, 32 for AES-256, 32 for HMAC with SHA-256.
struct key_set {
    int count;
    uint8_t keys[TICKET_KEYS_MAXIMUM][WEIR_TICKET_KEY_BYTES];
};

// Sets are written one after the other and read without a lock: one is written again only after all others have been,
// which takes minutes, and reading one takes microseconds.
enum { SETS = 8 };
struct weir_tickets {
    atomic_int references;
    atomic_uint current;
    struct key_set sets[SETS];
};

struct weir_tickets *weir_tickets_new(void) {
    struct weir_tickets *tickets = calloc(1, sizeof *tickets);
    if (tickets) tickets->references = 1;
    return tickets;
}

struct weir_tickets *weir_tickets_keep(struct weir_tickets *tickets) {
    if (tickets) atomic_fetch_add(&tickets->references, 1);
    return tickets;
}

void weir_tickets_set(struct weir_tickets *tickets, const uint8_t *keys, int count) {
    unsigned next = (atomic_load(&tickets->current) + 1) % SETS;
    struct key_set *set = &tickets->sets[next];
    set->count = count < TICKET_KEYS_MAXIMUM ? count : TICKET_KEYS_MAXIMUM;
    memcpy(set->keys, keys, (size_t)set->count * WEIR_TICKET_KEY_BYTES);
    atomic_store(&tickets->current, next);
}

void weir_tickets_free(struct weir_tickets *tickets) {
    if (!tickets || atomic_fetch_sub(&tickets->references, 1) > 1) return;
    OPENSSL_cleanse(tickets->sets, sizeof tickets->sets);
    free(tickets);
}

static int begin(const uint8_t *key, const unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int makes) {
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)(key + 48), 32),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_end(),
    };
    if (!EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key + 16, iv, makes)) return 0;
    return EVP_MAC_CTX_set_params(mac, parameters);
}

int weir_tickets_use(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int makes) {
    const struct weir_tls_context *context = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    struct weir_tickets *tickets = context->options.tickets;
    const struct key_set *set = &tickets->sets[atomic_load(&tickets->current)];
    if (makes) {
        if (set->count == 0 || RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1) return -1;
        memcpy(name, set->keys[0], 16);
        return begin(set->keys[0], iv, cipher, mac, 1) ? 1 : -1;
    }
    for (int i = 0; i < set->count; i++) {
        if (memcmp(name, set->keys[i], 16) != 0) continue;
        if (!begin(set->keys[i], iv, cipher, mac, 0)) return -1;
        // In TLS 1.3 a client uses a ticket once (RFC 8446 appendix C.4): it gets another one.
        return i == 0 && SSL_version(ssl) < TLS1_3_VERSION ? 1 : 2;
    }
    return 0;
}

void weir_digest(const void *bytes, size_t count, uint8_t result[32]) {
    memset(result, 0, 32);
    EVP_Digest(bytes, count, result, NULL, EVP_sha256(), NULL);
}
