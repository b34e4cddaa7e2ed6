from django.urls import URLPattern, URLResolver

app_name = "terminals"

urlpatterns: list[URLPattern | URLResolver] = []
