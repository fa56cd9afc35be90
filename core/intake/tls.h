/* tls.h: the server's side of TLS 1.2 and 1.3 for one listener. */
#ifndef INTAKE_TLS_H
#define INTAKE_TLS_H

#include <openssl/ssl.h>

#include "conf/conf.h"

/* EP_BAD_CONFIG: a file that can't be read, or a key that doesn't belong to the certificate. */
EP_MUST_CHECK enum ep_status tls_create(SSL_CTX **context, const struct conf_tls *conf, struct error *error);
void tls_destroy(SSL_CTX *context);

#endif
