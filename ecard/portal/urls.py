from django.urls import path

from ecard.portal import api, pwa, views

app_name = "portal"

urlpatterns = [
    path("", views.home, name="home"),
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("sales/", views.sales, name="sales"),
    path("sales/<int:sale_id>/", views.sale, name="sale"),
    path("benefits/", views.benefits, name="benefits"),
    path("benefits/<int:grant_id>/give/", views.give_voucher, name="give-voucher"),
    path("received/", views.received, name="received"),
    path("settings/", views.settings_page, name="settings"),
    path("settings/lost-phone/", views.lost_phone, name="lost-phone"),
    path("settings/lost-phone/done/", views.lost_phone_done, name="lost-phone-done"),
    path("settings/cards/<int:card_id>/stop/", views.stop_own_card, name="stop-card"),
    path("help/", views.help_page, name="help"),
    path("hosts/plain/", pwa.plain, name="plain"),
    path("shell/<str:language>/", pwa.shell, name="shell"),
    path("sw.js", pwa.worker, name="worker"),
    path("manifest.webmanifest", pwa.manifest_json, name="manifest"),
    path("icons/<int:size>.png", pwa.icon, name="icon"),
    path("icons/maskable-<int:size>.png", pwa.icon, {"maskable": True}, name="icon-maskable"),
    path("api/cardholder/v1/summary", api.SummaryView.as_view(), name="summary"),
]
