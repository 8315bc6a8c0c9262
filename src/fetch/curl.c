/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/download.h"

#include <errno.h>
#include <string.h>
#include <curl/curl.h>

#include "status.h"

#define CONNECT_SECONDS 20L
#define SILENT_SECONDS  60L /* a server that sends nothing for so long is gone \
                             */
#define REDIRECTS_MAX 10L

struct transfer {
    CURL *curl;
    struct part *to;
    const struct fetch_options *o;
    bool too_large;
    int io_error; /* errno; 0: there was none */
    char error[CURL_ERROR_SIZE];
};

clade_status download_available(void)
{
    return CLADE_OK;
}

static size_t on_bytes(char *bytes, size_t size, size_t count, void *arg)
{
    struct transfer *t = arg;
    const size_t n = size * count;

    t->too_large = t->to->bytes + (int64_t)n > DOWNLOAD_MAX;
    if (t->too_large)
        return 0;
    if (fwrite(bytes, 1, n, t->to->file) != n) {
        t->io_error = errno;
        return 0;
    }
    sha256_update(&t->to->hash, n, (const uint8_t *)bytes);
    t->to->bytes += (int64_t)n;
    return n;
}

static int on_progress(void *arg, curl_off_t total, curl_off_t now,
                       curl_off_t up_total, curl_off_t up)
{
    const struct transfer *t = arg;
    const int64_t before = t->to->bytes - now;

    (void)up_total;
    (void)up;
    if (t->o->progress && now > 0)
        t->o->progress(t->o->arg, t->to->bytes, total ? before + total : 0);
    return t->o->stop && t->o->stop(t->o->arg);
}

static void set_protocols(CURL *curl)
{
#if CURL_AT_LEAST_VERSION(7, 85, 0)
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,http");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "https,http");
#else
    const long both = CURLPROTO_HTTPS | CURLPROTO_HTTP;

    curl_easy_setopt(curl, CURLOPT_PROTOCOLS, both);
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS, both);
#endif
}

static void set_up(struct transfer *t)
{
    CURL *curl = t->curl;

    set_protocols(curl);
    curl_easy_setopt(curl, CURLOPT_URL, t->o->url);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "clade/" PACKAGE_VERSION);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, REDIRECTS_MAX);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, SILENT_SECONDS);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, t->error);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    if (t->o->cacert)
        curl_easy_setopt(curl, CURLOPT_CAINFO, t->o->cacert);
}

static clade_status failed(struct transfer *t, CURLcode code)
{
    const char *text = t->error[0] ? t->error : curl_easy_strerror(code);

    if (t->too_large) {
        part_restart(t->to);
        return clade_fail(CLADE_EDATA,
                          "%s: it has more than %d bytes, so it is not the "
                          "archive of CIFAR-10",
                          t->o->url, DOWNLOAD_MAX);
    }
    if (t->io_error)
        return clade_fail(CLADE_EIO, "%s: %s", t->to->path,
                          strerror(t->io_error));
    switch (code) {
    case CURLE_OK:
        return CLADE_OK;
    case CURLE_ABORTED_BY_CALLBACK:
        return clade_fail(CLADE_EINTERRUPTED, "interrupted");
    case CURLE_URL_MALFORMAT:
        return clade_fail(CLADE_EUSAGE, "%s: %s", t->o->url, text);
    case CURLE_SSL_CACERT_BADFILE:
        return clade_fail(CLADE_EDATA, "%s: no certificate can be read from it",
                          t->o->cacert ? t->o->cacert : t->o->url);
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
        return clade_fail(CLADE_EFAIL,
                          "%s: %s: is this machine online, and does it need a "
                          "proxy (https_proxy)?",
                          t->o->url, text);
    default:
        return clade_fail(CLADE_EFAIL, "%s: %s", t->o->url, text);
    }
}

/* Perform the transfer from the bytes on that there are.  *refused: the server
 * cannot begin there. */
static CURLcode perform(struct transfer *t, bool *refused)
{
    CURLcode code;
    long status = 0;

    curl_easy_setopt(t->curl, CURLOPT_RESUME_FROM_LARGE,
                     (curl_off_t)t->to->bytes);
    code = curl_easy_perform(t->curl);
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    *refused = t->to->bytes > 0 && (code == CURLE_RANGE_ERROR || status == 416);
    return code;
}

clade_status download_rest(struct part *part, const struct fetch_options *o)
{
    struct transfer t = { .to = part, .o = o };
    clade_status st = CLADE_OK;
    CURLcode code;
    bool refused;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) || !(t.curl = curl_easy_init()))
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", o->url);
    set_up(&t);
    code = perform(&t, &refused);
    if (refused && !(st = part_restart(part)))
        code = perform(&t, &refused);
    if (!st)
        st = failed(&t, code);
    curl_easy_cleanup(t.curl);
    curl_global_cleanup();
    return st;
}
